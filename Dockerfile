# The Dog GIF app. Any Python image serves as the base: nothing here asks for a distribution.
ARG PYTHON_IMAGE=python:3.13-alpine

FROM ${PYTHON_IMAGE} AS dependencies
WORKDIR /build
COPY requirements/image.txt ./
# Wheels only: no compiler is needed, and what is locked is what runs.
RUN python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
        --root-user-action=ignore --require-hashes --only-binary=:all: \
        --target /build/site -r image.txt
COPY requirements/trim.py ./
RUN python trim.py /build/site && mkdir /build/empty

FROM ${PYTHON_IMAGE} AS code
COPY templates /build/templates
COPY webapp /build/webapp
# Whatever the umask of the clone was.
RUN chmod -R go=rX /build

FROM ${PYTHON_IMAGE}
ARG VERSION=0.0.0-dev.0.nogit
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://github.com/dogctl/dogctl
LABEL org.opencontainers.image.title="Dog GIF app" \
      org.opencontainers.image.description="A random dog and an exact visitor number" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV PYTHONPATH=/app/site \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    APP_VERSION=${VERSION} \
    FLASK_HOST=0.0.0.0 \
    FLASK_PORT=5000 \
    DATABASE_URL=sqlite:////data/app.db
WORKDIR /app
COPY --from=dependencies /build/site ./site
# Volumes take over the owner of the folder they are mounted on.
COPY --from=dependencies --chown=10001:10001 /build/empty /data
COPY --from=dependencies --chown=10001:10001 /build/empty /run/stack
COPY --from=code /build ./
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "webapp.probe"]
CMD ["python", "-m", "webapp"]
