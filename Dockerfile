# One image for api, worker, clock and migrate; the command decides.
FROM python:3.11.14-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/drumbeat
WORKDIR /build
# Dependencies first: they change less often than the code, and their layer is kept.
COPY requirements/app.txt requirements/
RUN /opt/drumbeat/bin/pip install --require-hashes --requirement requirements/app.txt
COPY . .
RUN /opt/drumbeat/bin/pip install --no-build-isolation --no-deps . \
    && /opt/drumbeat/bin/python -m compileall -q /opt/drumbeat

FROM python:3.11.14-slim
RUN useradd --uid 10001 --user-group --home-dir /var/lib/drumbeat --create-home drumbeat
COPY --from=build /opt/drumbeat /opt/drumbeat
ENV PATH=/opt/drumbeat/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /var/lib/drumbeat
USER 10001:10001
ENTRYPOINT ["drumbeat"]
CMD ["--help"]
