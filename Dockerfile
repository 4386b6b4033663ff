# Two stages: what builds is not in what runs. Pin the base by digest where your registry lets you:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:… .
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock .
# Exactly these packages, by their hashes
RUN /venv/bin/pip install --require-hashes -r requirements.lock
COPY . .
# The names of static files carry their hashes, so browsers may keep them for ever. Making them needs settings that
# load; these values are in no image layer that runs.
RUN SECRET_KEY=build FIELD_ENCRYPTION_KEYS=build /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m compileall -q bmsxero crm finance xero_sync \
    && rm -rf tests docs var

FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin bms
COPY --from=build /venv /venv
COPY --from=build /app /app
# Owned by root, so that what runs can't change itself; only var/ is written to, and only by SQLite
RUN mkdir var && chown bms var
USER 10001
EXPOSE 8000
# The port answers, whatever else is away. Nothing is redirected here, and localhost is an allowed host.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8000/healthz', timeout=4)"]
CMD ["gunicorn", "bmsxero.wsgi"]
