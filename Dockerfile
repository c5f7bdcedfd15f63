# Two stages: what builds stays behind, what runs is a virtual environment and nothing else.
#
#   docker build -t paysera-worker .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
#     -v paysera-worker:/var/lib/paysera-worker \
#     -v /etc/paysera-worker/worker.toml:/etc/paysera-worker/worker.toml:ro \
#     -v /etc/paysera-worker/wallet.mac_key:/run/secrets/wallet.mac_key:ro paysera-worker
#
# The key's file must belong to uid 10001 and be readable by it alone (chmod 0400). In production
# pin the base image by digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Dependencies first: they change seldom, so this layer is kept. Every file's hash is pinned.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/paysera-worker \
 && /opt/paysera-worker/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY worker worker
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /opt/paysera-worker/bin/pip install --no-deps --no-index /wheels/*.whl

FROM ${BASE}
# A number, so that the host and Kubernetes can tell that it is not root.
RUN groupadd --system --gid 10001 paysera-worker \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/paysera-worker --no-create-home \
      --shell /usr/sbin/nologin paysera-worker \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/paysera-worker
COPY --from=build /opt/paysera-worker /opt/paysera-worker
ENV PATH=/opt/paysera-worker/bin:$PATH PYTHONDONTWRITEBYTECODE=1
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
