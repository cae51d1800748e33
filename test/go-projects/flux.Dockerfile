# As fluxcd/source-controller (Apache-2.0) has it: an API module apart, files one by one, a RUN that begins with [ but is no JSON.
ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS builder

# copy the api
COPY version/ version/

# copy modules manifests
COPY go.mod go.mod
RUN go mod download

# copy source code
COPY cmd/ cmd/

ARG TARGETPLATFORM
ARG TARGETARCH
ENV CGO_ENABLED=0
RUN GOARCH=$TARGETARCH go build -o /source-controller -trimpath ./cmd/server

FROM alpine:latest
ARG TARGETPLATFORM
LABEL org.opencontainers.image.source="https://example.com/source-controller"

# Only where there is none
RUN [ ! -e /etc/nsswitch.conf ] && echo 'hosts: files dns' > /etc/nsswitch.conf

RUN echo 'controller:x:1337:1337::/:/sbin/nologin' >> /etc/passwd && echo 'controller:x:1337:' >> /etc/group

COPY --from=builder /source-controller /usr/local/bin/

USER 65534:65534
ENTRYPOINT [ "source-controller" ]
