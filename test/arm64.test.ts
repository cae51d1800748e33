import { expect, test } from "vitest";
import { PROGRAM, missingForArm64Machine, runOnArm64 } from "./bed/arm64-machine.ts";

const missing = process.env["MANYARCH_TEST_ALL"] === "1" ? missingForArm64Machine() : "they are slow";
if (missing !== undefined) console.warn(`tests on an arm64 machine are skipped: ${missing}`);

const TIMEOUT = 15 * 60_000;
const DOCKERFILE = `FROM scratch
COPY . /
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin"]
RUN echo machine $(uname -m); id -u
RUN mkdir /d && touch /d/f && chown 33:44 /d/f && ln /d/f /d/g && chmod 4711 /d/f && stat -c 'set %a %u:%g %h' /d/g
RUN printf '#!/bin/sh\\necho script $1; (echo fork) & wait; exec /usr/bin/setpriv --reuid 5 --regid 6 --clear-groups touch /d/of-5\\n' \\
  > /d/s && chmod 755 /d/s && chmod 777 /d && /d/s one && mv /d/s /d/t && mknod /d/n c 1 3
RUN mkfifo /q && (cat /q > /d/got & p=$!; sleep 1; kill -STOP $p; sleep 1; kill -CONT $p; sleep 1; echo through > /q; wait); cat /d/got; rm /q
`;
/** A machine like a pod: uid 1000, no capabilities, no new privileges, no user namespaces. */
const INIT = `export PATH=/usr/bin:/usr/sbin:/bin
b=/bin/busybox; $b mkdir -p /proc /sys /dev /tmp /home/builder; $b mount -t proc proc /proc; $b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev; $b chmod 1777 /tmp; $b ln -s busybox /bin/sh; echo 0 > /proc/sys/user/max_user_namespaces
cd /home/builder; $b mkdir -p c/bin c/lib c/usr/bin; $b cp $b c/bin/; $b cp /usr/bin/setpriv c/usr/bin/
$b cp -L /lib/ld-linux-aarch64.so.1 c/lib/; $b cp -L /lib/aarch64-linux-gnu/libc.so.6 c/lib/
for l in /usr/lib/aarch64-linux-gnu /lib/aarch64-linux-gnu; do $b cp -L $l/libcap-ng.so.0 c/lib/ 2>/dev/null; done
$b cat > Dockerfile <<'X'
${DOCKERFILE}X
$b chown -R 1000:1000 /home/builder
/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set=-all --no-new-privs $b env HOME=/home/builder PATH=/usr/bin:/bin \\
  ${PROGRAM} build --progress=plain -f Dockerfile -o type=tar,dest=/tmp/out.tar c 2>&1; echo "exit $?"
$b tar tvf /tmp/out.tar | $b grep ' d/'`;

test.skipIf(missing !== undefined)(
  "a RUN is traced on arm64 as it is on x86-64",
  async () => {
    const output = await runOnArm64(INIT, AbortSignal.timeout(TIMEOUT));
    for (const line of ["exit 0", "machine aarch64", "set 4711 33:44 2", "script one", "fork", "through"])
      expect(output).toContain(line);
    expect(output).toMatch(/RUN executes on the rung proot/);
    expect(output).toMatch(/^-rws--x--x 33\/44 .* d\/f$/m);
    expect(output).toMatch(/^-rw-r--r-- 5\/6 .* d\/of-5$/m);
    expect(output).toMatch(/^crw-r--r-- 0\/0 .* d\/n$/m);
  },
  TIMEOUT,
);
