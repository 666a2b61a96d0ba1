"""The editor's door: a language server that shows violations while code is written.

Here belongs what stands between an editor and a run: the texts that are open, which checks of them
still hold, and how findings, fixes and pages are said in the Language Server Protocol. What is
found, and what a fix does, is found and done below. Only ``positions``, ``messages``,
``session`` and ``server`` know pygls, which the extra ``server`` installs.
"""
