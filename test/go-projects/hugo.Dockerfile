# As gohugoio/hugo (Apache-2.0) has it: global arguments, a stage that only prepares, cache mounts, a user of the image's own.
ARG GO_VERSION="1.26"
ARG DEBIAN_SUITE="bookworm"

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-${DEBIAN_SUITE} AS gobuild
FROM golang:${GO_VERSION}-${DEBIAN_SUITE} AS gorun

FROM gobuild AS build
ARG HUGO_BUILD_TAGS=""
ENV CGO_ENABLED=0 \
    GOPROXY=off
WORKDIR /go/src/project
RUN --mount=target=. \
    --mount=type=cache,target=/go/pkg/mod \
    go mod verify
ARG TARGETOS TARGETARCH
RUN --mount=target=. \
    --mount=type=cache,target=/go/pkg/mod <<EOT
    set -ex
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags "$HUGO_BUILD_TAGS" -ldflags "-s -w" -o /usr/bin/hugo ./cmd/server
EOT

FROM alpine:latest AS final
COPY --from=build /usr/bin/hugo /usr/bin/hugo
RUN <<EOT
  mkdir -p /var/hugo/bin /cache
  echo 'hugo:x:1000:1000::/var/hugo:/bin/sh' >> /etc/passwd
  echo 'hugo:x:1000:' >> /etc/group
  chown -R 1000:1000 /var/hugo /cache
EOT
USER hugo:hugo
VOLUME /project
WORKDIR /project
ENV HUGO_CACHEDIR=/cache PATH="/var/hugo/bin:$PATH"
COPY scripts/entrypoint.sh /entrypoint.sh
EXPOSE 1313
ENTRYPOINT ["hugo"]
CMD ["--help"]
