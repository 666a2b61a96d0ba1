"""What a repository that has no policy yet does with its sessions, and the policy that says so."""
