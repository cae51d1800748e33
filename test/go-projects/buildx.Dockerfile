# As docker/buildx (Apache-2.0) has it: a stage chosen by the target's system, a binary taken out of a stage by a mount.
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS golatest

FROM golatest AS gobase
ENV GOFLAGS=-mod=mod CGO_ENABLED=0
WORKDIR /src

FROM gobase AS buildx-version
RUN --mount=target=. <<EOT
  set -e
  mkdir -p /buildx-version
  echo -n "v0.1.0" | tee /buildx-version/version
  echo "-X manyarch.test/project/version.Version=v0.1.0" > /buildx-version/ldflags
EOT

FROM gobase AS buildx-build
ARG TARGETPLATFORM TARGETOS TARGETARCH
ENV GOFLAGS=
RUN --mount=type=bind,target=. \
  --mount=type=cache,target=/root/.cache \
  --mount=type=cache,target=/go/pkg/mod \
  --mount=type=bind,from=buildx-version,source=/buildx-version,target=/buildx-version <<EOT
  set -e
  GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags "$(cat /buildx-version/ldflags)" -o /usr/bin/docker-buildx ./cmd/server
  go version -m /usr/bin/docker-buildx | grep "GOARCH=$TARGETARCH"
EOT

FROM buildx-build AS test
RUN --mount=type=bind,target=. go vet ./...

FROM scratch AS binaries-unix
COPY --link --from=buildx-build /usr/bin/docker-buildx /buildx

FROM binaries-unix AS binaries-darwin
FROM binaries-unix AS binaries-linux

FROM scratch AS binaries-windows
COPY --link --from=buildx-build /usr/bin/docker-buildx /buildx.exe

FROM binaries-$TARGETOS AS binaries
ARG BUILDKIT_SBOM_SCAN_STAGE=true

FROM --platform=$BUILDPLATFORM alpine AS releaser
WORKDIR /work
ARG TARGETPLATFORM
RUN --mount=from=binaries \
  --mount=type=bind,from=buildx-version,source=/buildx-version,target=/buildx-version <<EOT
  set -e
  mkdir -p /out
  cp buildx* "/out/buildx-$(cat /buildx-version/version).$(echo $TARGETPLATFORM | sed 's/\//-/g')$(ls buildx* | sed -e 's/^buildx//')"
EOT

FROM scratch AS release
COPY --from=releaser /out/ /

FROM binaries
ENTRYPOINT ["/buildx"]
