# By digest: --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:…, which tools/supply/pin-images prints.
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# The compiler stays in this stage: the image gets the compiled wheel alone.
FROM base AS wheel
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-run.lock ./
# mypy reads the types of what the worker imports. Of the lock that has everything, only what builds the wheel besides;
# a part that is missing here fails --require-hashes.
RUN --mount=type=cache,target=/root/.cache/pip \
    awk '/^[a-z]/ {keep = /^(ast-serialize|asyncpg-stubs|hatchling|librt|mypy|mypy-extensions|pathspec|pluggy|setuptools|tomlkit|trove-classifiers)==/} keep' \
        requirements.lock >build.lock \
    && pip install --require-hashes -r requirements-run.lock -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY docs/contract.md docs/contract.md
COPY tools/compile tools/compile
COPY schemas schemas
COPY worker worker
RUN HATCH_BUILD_HOOK_ENABLE_CUSTOM=true pip wheel --no-deps --no-build-isolation --wheel-dir /dist .

FROM base AS venv
RUN python -m venv --without-pip /opt/g3n
ENV PIP_PYTHON=/opt/g3n/bin/python
# What is locked changes seldom: it is a layer of its own, under the worker's code.
COPY requirements-run.lock ./
RUN --mount=type=cache,target=/root/.cache/pip pip install --require-hashes -r requirements-run.lock
COPY --from=wheel /dist /dist
RUN pip install --no-deps --no-index /dist/*.whl

# What is in the image, for `make image`: no part of it.
FROM venv AS listing
COPY tools/supply/requirements.txt ./supply.txt
RUN --mount=type=cache,target=/root/.cache/pip python -m venv /supply \
    && PIP_PYTHON= /supply/bin/pip install --require-hashes -r supply.txt \
    && /supply/bin/python -W ignore -m cyclonedx_py environment /opt/g3n/bin/python --output-reproducible --of JSON -o /image.cdx.json

FROM scratch AS sbom
COPY --from=listing /image.cdx.json /

FROM ${PYTHON_IMAGE}
COPY --from=venv /opt/g3n /opt/g3n
ENV PATH=/opt/g3n/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    G3N_HTTP_HOST=0.0.0.0 G3N_HTTP_PORT=9464 G3N_LOG_FORMAT=json
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-ISc", \
    "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"G3N_HTTP_PORT\"]}/readyz', timeout=4)"]
ENTRYPOINT ["g3n"]
CMD ["worker", "run"]
