"""The playbooks that come with Righttime, one folder each."""
