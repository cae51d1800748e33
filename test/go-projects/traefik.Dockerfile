# As traefik/traefik (MIT) has it: binaries lie in a directory for each platform, a VOLUME and a port.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
RUN for arch in amd64 arm64; do \
      GOOS=linux GOARCH=$arch go build -o dist/linux/$arch/server ./cmd/server; \
    done

FROM alpine:latest
ARG TARGETPLATFORM
COPY --from=build ./src/dist/$TARGETPLATFORM/server /
EXPOSE 80
VOLUME ["/tmp"]
ENTRYPOINT ["/server"]
