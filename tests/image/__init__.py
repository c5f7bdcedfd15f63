"""Build the image and run it as a container engine would, on a machine that has none.

Buildah builds the Dockerfile, runc runs the result with what the image and the compose files say.
`make image-test` plays it; nothing here touches other images or containers of the machine.
"""
