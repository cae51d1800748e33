# As coredns/coredns (Apache-2.0) has it: certificates of one stage, a stage by its number, scratch or distroless at the end.
ARG DEBIAN_IMAGE=golang:1.26-bookworm
ARG BASE=gcr.io/distroless/static-debian12:nonroot
FROM --platform=$BUILDPLATFORM ${DEBIAN_IMAGE} AS build
SHELL ["/bin/sh", "-ec"]
ARG TARGETOS TARGETARCH
WORKDIR /coredns
COPY . ./
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o server ./cmd/server

FROM ${BASE}
COPY --from=0 /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /coredns/server /server
USER nonroot:nonroot
# Where the base left it is not where it should run.
WORKDIR /
EXPOSE 53 53/udp
ENTRYPOINT ["/server"]
