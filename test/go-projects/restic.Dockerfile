# As restic/restic (BSD-2-Clause) has it: modules before sources, one binary into a named last stage.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS builder

ARG TARGETVARIANT
ARG TARGETOS
ARG TARGETARCH

WORKDIR /go/src/manyarch.test/project

# Dependencies come first
COPY go.mod ./
RUN go mod download

COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build -o restic ./cmd/server

FROM alpine:latest AS restic

RUN mkdir -p /var/cache/restic && chmod 700 /var/cache/restic

COPY --from=builder /go/src/manyarch.test/project/restic /usr/bin/

ENTRYPOINT ["/usr/bin/restic"]
