# Two stages: what builds stays behind, what runs is a virtual environment and nothing else.
# docs/docker.md says how to build, run and watch it; compose.yaml runs it hardened.
#
# In production pin the base by digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# "runtime", or "extras": tills in PostgreSQL and MySQL, and table cards as PDF.
ARG REQUIREMENTS=runtime
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Dependencies first: they change seldom, so this layer is kept. Every file's hash is pinned.
COPY requirements/build.txt requirements/runtime.txt requirements/extras.txt requirements/
# The environment that runs never had pip in it: that of the build fills it from outside.
RUN python -m venv /opt/build \
 && python -m venv --without-pip /opt/paysera-worker \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
 && /opt/build/bin/pip --python /opt/paysera-worker/bin/python install --require-hashes \
      --only-binary :all: -r "requirements/${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY worker worker
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/paysera-worker/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${BASE}
# A number, so that the host and Kubernetes can tell that it is not root. What the base has for
# installing more goes, and so do the marks that let a program run as root.
RUN groupadd --gid 10001 paysera-worker \
 && useradd --no-log-init --uid 10001 --gid 10001 --home-dir /var/lib/paysera-worker \
      --no-create-home --shell /usr/sbin/nologin paysera-worker \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/paysera-worker \
 && find /usr -depth \( -path '*/python3*/ensurepip' -o -path '/usr/share/python-wheels' \
      -o -path '*-packages/pip' -o -path '*-packages/pip-*' -o -path '*-packages/wheel' \
      -o -path '*-packages/wheel-*' -o -path '*-packages/setuptools' \
      -o -path '*-packages/setuptools-*' -o -path '*-packages/pkg_resources' \
      -o -path '*-packages/_distutils_hack' -o -path '*-packages/distutils-precedence.pth' \
      -o -path '*/bin/pip*' -o -path '*/bin/wheel' \) -exec rm -rf {} + \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /opt/paysera-worker /opt/paysera-worker
ENV PATH=/opt/paysera-worker/bin:$PATH
# Before a command, because older Buildah and Podman keep a label of the last build otherwise.
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
# The base comes without compiled standard modules, and a read-only root could not keep them: what
# any of our modules imports, and the table of currencies late, is compiled here, once.
RUN python -c "import importlib, iso4217, pkgutil, worker; \
      names = [m.name for m in pkgutil.walk_packages(worker.__path__, 'worker.')]; \
      [importlib.import_module(name) for name in names if name != 'worker.__main__']"
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# The journal: what is here outlives the container, and must.
VOLUME /var/lib/paysera-worker
WORKDIR /var/lib/paysera-worker
# A clean stop takes 10 s at most: docker stop --time 30.
STOPSIGNAL SIGTERM
# Reads what the running worker last wrote about itself; asks the wallet nothing.
HEALTHCHECK --interval=60s --timeout=10s --start-period=20s --retries=3 CMD ["paysera-worker", "status"]
# Exec form: signals reach the worker itself.
ENTRYPOINT ["paysera-worker"]
CMD ["run"]
LABEL org.opencontainers.image.title="paysera-worker" \
      org.opencontainers.image.description="Takes payments from a QR code on a table" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
