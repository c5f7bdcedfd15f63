"""What each step does about each fact: one module a step, one function a fact."""
