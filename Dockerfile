# The image of a running app: wheels into a slim Python, nothing to compile in it.
#
#     docker build -t eventflux .
#     docker run -v "$PWD/config:/config:ro" -p 9090:9090 eventflux --config /config/app.yaml
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS wheels
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# Every distribution of the repository that is there; their dependencies come as wheels too.
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels $(ls -d eventflux-*/ | sed 's|^|./|')

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="EventFlux" \
      org.opencontainers.image.description="Complex event processing in SQL and EventFluxQL" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels $(ls /wheels/eventflux_*.whl) \
    && python -m compileall -q "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && useradd --uid 1000 --create-home --home-dir /app eventflux \
    && mkdir -p /data /config && chown eventflux /data
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1000
WORKDIR /app
VOLUME ["/data"]
# Metrics, probes and control; messages between apps.
EXPOSE 9090 9892
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/ready', timeout=4)"]
ENTRYPOINT ["tini", "--", "eventflux", "run"]
CMD ["--help"]
