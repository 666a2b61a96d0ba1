"""Effects: what calling a function does to a session or connection, found once, asked by everybody.

Here belongs whatever is true of a function or of a library's callable; what is true of one place in
the code that calls it is a fact, and an opinion of it a rule.
"""

from flake8_dbsession.analysis.effects.results import result_of
from flake8_dbsession.analysis.effects.work.uses import may_commit_at_end
from flake8_dbsession.analysis.names.inference import Inference, Vocabulary
from flake8_dbsession.analysis.names.project import Project


def inference_over(project: Project, vocabulary: Vocabulary) -> Inference:
    """Make what answers what expressions stand for, calls of the project's functions included.

    Args:
        project: where imports are followed.
        vocabulary: what the policy says of names.
    """
    return Inference(project, vocabulary, result_of, may_commit_at_end)
