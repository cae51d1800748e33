# As hashicorp/vault had it up to MPL-2.0: names by arguments that become variables, several volumes, an entry point script.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS dist
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o dist/$TARGETOS/$TARGETARCH/server ./cmd/server

FROM alpine:latest AS default

ARG BIN_NAME=server
ARG NAME=vault
ARG PRODUCT_VERSION=1.2.3
ARG TARGETOS TARGETARCH

LABEL maintainer="Team <team@example.com>"
LABEL version=$PRODUCT_VERSION

# Variables, for ENTRYPOINT and CMD
ENV NAME=$NAME
ENV VERSION=$VERSION

RUN echo "${NAME}:x:100:1000::/:/sbin/nologin" >> /etc/passwd && echo "${NAME}:x:1000:" >> /etc/group

COPY --from=dist /src/dist/$TARGETOS/$TARGETARCH/$BIN_NAME /bin/

RUN mkdir -p /vault/logs && \
    mkdir -p /vault/file && \
    mkdir -p /vault/config && \
    chown -R ${NAME}:${NAME} /vault

VOLUME /vault/logs
VOLUME /vault/file
EXPOSE 8200

COPY scripts/entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["server", "-dev"]
