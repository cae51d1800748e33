# As distribution/distribution (Apache-2.0) has it: stages of one base, bind and cache mounts, flags handed on by a file.
ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS base
WORKDIR /src
ENV CGO_ENABLED=0

FROM base AS version
ARG PKG=manyarch.test/project
RUN --mount=target=. \
  VERSION=v3.0.0 REVISION=0123456 && \
  echo "-X ${PKG}/version.Version=$VERSION -X ${PKG}/version.Commit=$REVISION" | tee /tmp/.ldflags && \
  echo -n "$VERSION" | tee /tmp/.version

FROM base AS build
ARG TARGETPLATFORM
ARG TARGETOS TARGETARCH
ARG LDFLAGS="-s -w"
RUN --mount=type=bind,target=/src \
    --mount=type=cache,target=/root/.cache/go-build \
    --mount=target=/go/pkg/mod,type=cache \
    --mount=type=bind,source=/tmp/.ldflags,target=/tmp/.ldflags,from=version \
      set -x ; GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "$(cat /tmp/.ldflags) ${LDFLAGS}" -o /usr/bin/registry ./cmd/server

FROM scratch AS binary
COPY --from=build /usr/bin/registry /

FROM base AS releaser
ARG TARGETOS TARGETARCH TARGETVARIANT
WORKDIR /work
RUN --mount=from=binary,target=/build \
    --mount=type=bind,target=/src \
    --mount=type=bind,source=/tmp/.version,target=/tmp/.version,from=version \
      VERSION=$(cat /tmp/.version) && mkdir -p /out && cp /build/registry /src/conf/server.yml . && \
      tar -czvf "/out/registry_${VERSION#v}_${TARGETOS}_${TARGETARCH}${TARGETVARIANT}.tar.gz" *

FROM scratch AS artifact
COPY --from=releaser /out /

FROM alpine:latest
COPY conf/server.yml /etc/distribution/config.yml
COPY --from=binary /registry /bin/registry
VOLUME ["/var/lib/registry"]
EXPOSE 5000
ENTRYPOINT ["registry"]
CMD ["serve", "/etc/distribution/config.yml"]
