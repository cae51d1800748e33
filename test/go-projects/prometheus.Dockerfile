# As prometheus/prometheus (Apache-2.0) has it: arguments in paths, a busybox of the architecture, links, owners, a long CMD.
ARG ARCH="amd64"
ARG OS="linux"
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS promu
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -o .build/${TARGETOS}-${TARGETARCH}/ ./cmd/...

FROM busybox:latest
LABEL maintainer "The Authors <developers@example.com>"
LABEL org.opencontainers.image.title="Project" \
      org.opencontainers.image.licenses="Apache-2.0"

ARG TARGETARCH
ARG TARGETOS
COPY --from=promu /src/.build/${TARGETOS}-${TARGETARCH}/server  /bin/prometheus
COPY --from=promu /src/.build/${TARGETOS}-${TARGETARCH}/ctl     /bin/promtool
COPY conf/server.yml                /etc/prometheus/prometheus.yml
COPY console/                       /usr/share/prometheus/consoles/

WORKDIR /prometheus
RUN ln -s /usr/share/prometheus/consoles/ /etc/prometheus/ && \
    chown -R nobody:nobody /etc/prometheus /prometheus && \
    chmod g+w /prometheus

USER       nobody
EXPOSE     9090
VOLUME     [ "/prometheus" ]
ENTRYPOINT [ "/bin/prometheus" ]
CMD        [ "--config.file=/etc/prometheus/prometheus.yml", \
             "--storage.tsdb.path=/prometheus" ]
