# As rclone/rclone (MIT) has it: sources below GOPATH, the result is run while it is built, settings after ENTRYPOINT.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS builder

ARG CGO_ENABLED=0
ARG TARGETOS TARGETARCH

WORKDIR /go/src/manyarch.test/project/

RUN echo "**** Set Go Environment Variables ****" && \
    go env -w GOCACHE=/root/.cache/go-build

COPY . .

RUN --mount=type=cache,target=/root/.cache/go-build,sharing=locked \
    echo "**** Build Binary ****" && \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o rclone ./cmd/server

FROM alpine:latest

RUN echo "**** Add a user ****" && \
    echo 'rclone:x:1009:1009::/data:/sbin/nologin' >> /etc/passwd && \
    echo 'rclone:x:1009:' >> /etc/group

COPY --from=builder /go/src/manyarch.test/project/rclone /usr/local/bin/

RUN echo "**** Print Version Binary ****" && \
    rclone version

ENTRYPOINT [ "rclone" ]

WORKDIR /data
ENV XDG_CONFIG_HOME=/config
