# As argoproj/argo-workflows (Apache-2.0) has it: one builder for several programs, each in a target of its own on distroless.
ARG GIT_COMMIT=unknown
ARG GIT_TAG=unknown

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm as builder
WORKDIR /go/src/manyarch.test/project
COPY go.mod .
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .

FROM builder as argoexec-build
ARG GIT_COMMIT
ARG GIT_TAG
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
  CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags "-X manyarch.test/project/version.Commit=${GIT_COMMIT}" -o dist/argoexec ./cmd/ctl

FROM builder as workflow-controller-build
ARG GIT_COMMIT
ARG GIT_TAG
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
  CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags "-X manyarch.test/project/version.Version=${GIT_TAG}" -o dist/workflow-controller ./cmd/server

FROM gcr.io/distroless/static as argoexec
COPY --from=argoexec-build /go/src/manyarch.test/project/dist/argoexec /bin/
COPY --chmod=644 conf/known_hosts /etc/ssh/ssh_known_hosts
ENTRYPOINT [ "argoexec" ]

FROM gcr.io/distroless/static as workflow-controller
USER 8737
COPY conf/known_hosts /etc/ssh/
COPY --chown=8737 --from=workflow-controller-build /go/src/manyarch.test/project/dist/workflow-controller /bin/
ENTRYPOINT [ "workflow-controller" ]
