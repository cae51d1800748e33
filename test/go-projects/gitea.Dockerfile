# As go-gitea/gitea (MIT) has it: arguments in legacy ENV form, executable bits set on the way, a user by hand, links.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build-env

ARG GITEA_VERSION
ARG TAGS="netgo"
ENV TAGS "bindata $TAGS"
ARG TARGETOS TARGETARCH

COPY . ${GOPATH}/src/manyarch.test/project
WORKDIR ${GOPATH}/src/manyarch.test/project

RUN if [ -n "${GITEA_VERSION}" ]; then git checkout "${GITEA_VERSION}"; fi \
 && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags "$TAGS" -o gitea ./cmd/server \
 && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o environment-to-ini ./cmd/ctl

COPY scripts /tmp/local/usr/local/bin
RUN chmod 755 /tmp/local/usr/local/bin/entrypoint.sh \
              /go/src/manyarch.test/project/gitea \
              /go/src/manyarch.test/project/environment-to-ini

FROM alpine:latest
LABEL maintainer="maintainers@example.com"

EXPOSE 22 3000

RUN echo 'git:x:1000:1000:Git:/data/git:/bin/sh' >> /etc/passwd && \
  echo 'git:x:1000:git' >> /etc/group && \
  mkdir -p /data/git /var/lib/gitea && \
  chown git:git /var/lib/gitea

ENV USER=git
ENV GITEA_CUSTOM=/data/gitea

VOLUME ["/data"]

ENTRYPOINT ["/usr/local/bin/gitea"]
CMD ["web"]

COPY --from=build-env /tmp/local /
COPY --from=build-env /go/src/manyarch.test/project/gitea /app/gitea/gitea
COPY --from=build-env /go/src/manyarch.test/project/environment-to-ini /usr/local/bin/environment-to-ini
RUN ln -s /app/gitea/gitea /usr/local/bin/gitea
