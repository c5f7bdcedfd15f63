"""The imperative shell: it carries facts to the core and the core's commands to the ports."""
