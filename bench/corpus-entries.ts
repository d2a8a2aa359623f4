import { Random } from './random.js';
import { markOf } from './rig/mark.js';

/** Names and values in the order in which they are written; address fields first, as in the export format. */
export type EntryFields = readonly (readonly [name: string, value: string | Uint8Array])[];

type Fields = (readonly [name: string, value: string | Uint8Array])[];

/** What journald knows of a process that writes to it. */
interface Process {
  readonly identifier: string;
  readonly pid: number;
  readonly trusted: Fields;
}

/** The entries of a corpus, one after another. */
export class EntryGenerator {
  readonly #random: Random;
  readonly #kinds: readonly { readonly weight: number; readonly make: (mark: string) => Fields }[];
  readonly #totalWeight: number;
  readonly #bootId: string;
  /** 32 hexadecimal digits: the machine of which the journal is. */
  readonly machineId: string;
  readonly #pods: readonly Pod[];
  readonly #processes: Readonly<Record<'init' | 'sshd' | 'cron' | 'kubelet' | 'containerd' | 'dockerd' | 'nginx' | 'java' | 'resolved', Process>>;
  /** In microseconds, as all times of the journal. */
  #time: number;
  #monotonic = 41_000_000;

  /** The first entry's time is just after `startTime`, by default 2026-03-01 00:00:00 UTC. */
  constructor(seed: number, startTime = 1_772_323_200_000_000) {
    const random = new Random(seed);
    this.#time = startTime;
    this.#random = random;
    this.#bootId = random.hex(32);
    this.machineId = random.hex(32);
    this.#pods = Array.from({ length: 30 }, () => makePod(random));
    this.#processes = {
      init: makeProcess(random, 'systemd', 'init.scope', '/usr/lib/systemd/systemd', '/sbin/init', { pid: 1 }),
      sshd: makeProcess(random, 'sshd', 'ssh.service', '/usr/sbin/sshd', 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'),
      cron: makeProcess(random, 'CRON', 'cron.service', '/usr/sbin/cron', '/usr/sbin/CRON -f'),
      kubelet: makeProcess(
        random,
        'kubelet',
        'kubelet.service',
        '/usr/local/bin/kubelet',
        '/usr/local/bin/kubelet --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/etc/kubernetes/kubelet.conf --container-runtime-endpoint=unix:///run/containerd/containerd.sock --node-labels=pool=general --v=2',
      ),
      containerd: makeProcess(random, 'containerd', 'containerd.service', '/usr/bin/containerd', '/usr/bin/containerd'),
      dockerd: makeProcess(random, 'dockerd', 'docker.service', '/usr/bin/dockerd', '/usr/bin/dockerd -H fd:// --log-driver=journald'),
      nginx: makeProcess(random, 'nginx', 'nginx.service', '/usr/sbin/nginx', 'nginx: worker process', { uid: 33 }),
      java: makeProcess(random, 'orders', 'orders.service', '/usr/lib/jvm/java-21/bin/java', '/usr/lib/jvm/java-21/bin/java -Xmx1g -jar /opt/orders/orders.jar --spring.profiles.active=production', { uid: 997 }),
      resolved: makeProcess(random, 'systemd-resolved', 'systemd-resolved.service', '/usr/lib/systemd/systemd-resolved', '/usr/lib/systemd/systemd-resolved', { uid: 991 }),
    };
    this.#kinds = [
      { weight: 6, make: (mark) => this.#kernel(mark) },
      { weight: 11, make: (mark) => this.#systemd(mark) },
      { weight: 9, make: (mark) => this.#sshd(mark) },
      { weight: 4, make: (mark) => this.#syslog(this.#processes.cron, 6, 9, `(root) CMD (cd / && run-parts --report /etc/cron.hourly) ${mark}`) },
      { weight: 22, make: (mark) => this.#kubelet(mark) },
      { weight: 12, make: (mark) => this.#containerd(mark) },
      { weight: 23, make: (mark) => this.#container(mark) },
      { weight: 6, make: (mark) => this.#nginx(mark) },
      { weight: 3, make: (mark) => this.#syslog(this.#processes.resolved, 5, 3, `Clock change detected. Flushing caches. ${mark}`) },
      { weight: 4, make: (mark) => this.#stdout(this.#processes.java, 6, `${random.pick(['pong', 'ok', 'tick'])} ${mark}`) },
    ];
    this.#totalWeight = this.#kinds.reduce((sum, kind) => sum + kind.weight, 0);
  }

  next(number: number): EntryFields {
    const random = this.#random;
    const elapsed = random.between(30, 8000);
    this.#time += elapsed;
    this.#monotonic += elapsed;
    const mark = markOf(number);
    const oddity = random.next();
    let fields: Fields;
    if (oddity < 0.002) fields = this.#binary(mark);
    else if (oddity < 0.012) fields = this.#coloured(mark);
    else if (oddity < 0.042) fields = this.#stackTrace(mark);
    else fields = this.#ordinary(mark);
    return [
      ['__REALTIME_TIMESTAMP', String(this.#time)],
      ['__MONOTONIC_TIMESTAMP', String(this.#monotonic)],
      ['_BOOT_ID', this.#bootId],
      ['_MACHINE_ID', this.machineId],
      ['_HOSTNAME', 'worker-07.cluster.example'],
      ...fields,
    ];
  }

  #ordinary(mark: string): Fields {
    let left = this.#random.next() * this.#totalWeight;
    for (const kind of this.#kinds) {
      left -= kind.weight;
      if (left < 0) return kind.make(mark);
    }
    throw new Error('the weights do not add up');
  }

  #kernel(mark: string): Fields {
    const random = this.#random;
    const texts = [
      () => `cni0: port ${random.between(1, 90)}(veth${random.hex(8)}) entered ${random.pick(['blocking', 'forwarding', 'disabled'])} state`,
      () => `device veth${random.hex(8)} entered promiscuous mode`,
      () => `Memory cgroup out of memory: Killed process ${random.between(1000, 90000)} (java) total-vm:${random.between(1e6, 9e6)}kB, anon-rss:${random.between(1e5, 9e5)}kB, file-rss:0kB, shmem-rss:0kB, UID:997`,
      () => `nf-drop: IN=eth0 OUT= SRC=${random.address()} DST=${random.address()} LEN=${random.between(40, 1500)} TTL=${random.between(20, 255)} PROTO=TCP SPT=${random.between(1024, 65535)} DPT=${random.between(1, 1023)} SYN`,
    ];
    const fields: Fields = [
      ['MESSAGE', `${random.pick(texts)()} ${mark}`],
      ['PRIORITY', String(random.pick([3, 4, 5, 6, 6, 6]))],
      ['SYSLOG_FACILITY', '0'],
      ['SYSLOG_IDENTIFIER', 'kernel'],
      ['_TRANSPORT', 'kernel'],
      ['_SOURCE_MONOTONIC_TIMESTAMP', String(this.#monotonic - random.between(10, 900))],
    ];
    if (random.chance(0.3)) fields.push(['_KERNEL_SUBSYSTEM', 'net'], ['_KERNEL_DEVICE', `n${random.between(2, 400)}`]);
    return fields;
  }

  #systemd(mark: string): Fields {
    const random = this.#random;
    const unit = random.pick([`session-${random.between(1, 9000)}.scope`, 'logrotate.service', 'phpsessionclean.service', `cri-containerd-${random.hex(64)}.scope`, 'man-db.service']);
    const [word, messageId, result] = random.pick([
      ['Starting', '7d4958e842da4a758f6c1cdc7b36dcc5', ''],
      ['Started', '39f53479d3a045ac8e11786248231fbf', 'done'],
      ['Stopped', '9d1aaa27d60140bd96365438aad20286', 'done'],
      ['Finished', '39f53479d3a045ac8e11786248231fbf', 'done'],
    ] as const);
    const fields: Fields = [
      ['MESSAGE', `${word} ${unit} - ${random.words(random.between(2, 6))}. ${mark}`],
      ['PRIORITY', '6'],
      ['SYSLOG_FACILITY', '3'],
      ['SYSLOG_IDENTIFIER', 'systemd'],
      ['MESSAGE_ID', messageId],
      ['UNIT', unit],
      ['INVOCATION_ID', random.hex(32)],
      ['TID', '1'],
      ['CODE_FILE', 'src/core/job.c'],
      ['CODE_LINE', String(random.between(560, 880))],
      ['CODE_FUNC', 'job_emit_done_message'],
      ['_TRANSPORT', 'journal'],
      ['_SOURCE_REALTIME_TIMESTAMP', String(this.#time - random.between(5, 60))],
    ];
    if (result !== '') fields.push(['JOB_ID', String(random.between(1, 90000))], ['JOB_TYPE', 'start'], ['JOB_RESULT', result]);
    return [...fields, ...this.#processes.init.trusted];
  }

  #sshd(mark: string): Fields {
    const random = this.#random;
    const user = random.pick(['root', 'admin', 'deploy', 'backup', 'postgres', 'guest']);
    const from = `${random.address()} port ${random.between(1024, 65535)}`;
    const text = random.pick([
      `Failed password for invalid user ${user} from ${from} ssh2`,
      `Accepted publickey for ${user} from ${from} ssh2: ED25519 SHA256:${random.bytes(32).toString('base64').slice(0, 43)}`,
      `Connection closed by authenticating user ${user} ${from} [preauth]`,
      `pam_unix(sshd:session): session opened for user ${user}(uid=${random.between(0, 2000)}) by (uid=0)`,
    ]);
    // Each connection has a process of its own.
    const pid = random.between(5000, 60000);
    return this.#syslog({ ...this.#processes.sshd, pid, trusted: this.#processes.sshd.trusted.map(([name, value]) => [name, name === '_PID' ? String(pid) : value]) }, random.pick([4, 5, 6]), random.pick([4, 10]), `${text} ${mark}`);
  }

  #kubelet(mark: string): Fields {
    const random = this.#random;
    const pod = random.pick(this.#pods);
    const [letter, priority] = random.pick([['I', 6], ['I', 6], ['I', 6], ['W', 4], ['E', 3]] as const);
    let text = `${letter}${this.#iso(5, 10).replace('-', '')} ${this.#iso(11, 23)}000 ${this.#processes.kubelet.pid} ${random.pick(['kubelet.go:2431', 'reconciler_common.go:253', 'prober.go:107', 'pod_workers.go:1298', 'scope.go:115'])}] "${random.words(random.between(3, 8))}" pod="${pod.namespace}/${pod.name}" podUID="${pod.uid}"`;
    if (random.chance(0.55)) text += ` containerName="${pod.container}" containerID="containerd://${pod.id}"`;
    if (random.chance(0.35)) text += ` err="failed to \\"StartContainer\\" for \\"${pod.container}\\" with ImagePullBackOff: \\"Back-off pulling image\\": ${random.words(random.between(12, 60))}"`;
    if (random.chance(0.1)) text += ` mounts=[${Array.from({ length: random.between(5, 18) }, () => `{"name":"kube-api-access-${random.hex(5)}","path":"/var/lib/kubelet/pods/${pod.uid}/volumes"}`).join(',')}]`;
    return this.#stdout(this.#processes.kubelet, priority, `${text} seq=${mark}`);
  }

  #containerd(mark: string): Fields {
    const random = this.#random;
    const verb = random.pick(['StopPodSandbox for', 'CreateContainer within sandbox', 'PullImage', 'shim disconnected', 'RemoveContainer for']);
    const level = random.pick(['info', 'info', 'info', 'warning', 'error']);
    return this.#stdout(this.#processes.containerd, 6, `time="${this.#iso(0, 23)}${random.between(100000, 999999)}Z" level=${level} msg="${verb} \\"${random.pick(this.#pods).id}\\" ${random.words(random.between(1, 14))}" seq=${mark}`);
  }

  /** A line of JSON from a container, as Docker's journald driver writes it. */
  #container(mark: string): Fields {
    const random = this.#random;
    const pod = random.pick(this.#pods);
    const length = random.chance(0.03) ? random.between(100, 500) : random.between(2, random.chance(0.25) ? 80 : 14);
    const message = JSON.stringify({
      time: `${this.#iso(0, 23)}Z`,
      level: random.pick(['debug', 'info', 'info', 'warn', 'error']),
      msg: random.words(length),
      method: random.pick(['GET', 'GET', 'POST', 'DELETE']),
      path: `/v2/orders/${random.between(1, 1e6)}`,
      status: random.pick([200, 200, 201, 404, 503]),
      durationMs: random.between(1, 90000) / 100,
      traceId: random.hex(32),
      client: random.address(),
      seq: mark,
    });
    return [
      ['MESSAGE', message],
      ['PRIORITY', random.chance(0.2) ? '3' : '6'],
      ['SYSLOG_IDENTIFIER', pod.id.slice(0, 12)],
      ['SYSLOG_TIMESTAMP', `${this.#iso(0, 23)}Z`],
      ['CONTAINER_ID', pod.id.slice(0, 12)],
      ['CONTAINER_ID_FULL', pod.id],
      ['CONTAINER_TAG', pod.id.slice(0, 12)],
      ['CONTAINER_NAME', `k8s_${pod.container}_${pod.name}_${pod.namespace}_${pod.uid}_0`],
      ['IMAGE_NAME', `registry.example/${pod.container}:2.${random.between(0, 9)}`],
      ['_TRANSPORT', 'journal'],
      ['_SOURCE_REALTIME_TIMESTAMP', String(this.#time - random.between(20, 200))],
      ...this.#processes.dockerd.trusted,
    ];
  }

  #nginx(mark: string): Fields {
    const random = this.#random;
    return this.#stdout(this.#processes.nginx, 6, `${random.address()} - - [01/Mar/2026:00:00:00 +0000] "GET /${random.words(1)}?page=${random.between(1, 500)} HTTP/2.0" ${random.pick([200, 200, 304, 404, 502])} ${random.between(150, 90000)} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" ${mark}`);
  }

  #stackTrace(mark: string): Fields {
    const random = this.#random;
    let text = `${this.#iso(0, 23)} ERROR [http-${random.between(1, 40)}] c.e.orders.OrderService : ${random.words(random.between(3, 9))}\njava.lang.${random.pick(['IllegalStateException', 'NullPointerException', 'RuntimeException'])}: ${random.words(4)}`;
    for (let depth = random.between(4, 30); depth > 0; depth--) text += `\n\tat com.example.orders.${random.pick(['api', 'store', 'billing'])}.${random.pick(['Handler', 'Repository', 'Client'])}.call(${random.pick(['Handler', 'Repository', 'Client'])}.java:${random.between(10, 900)})`;
    return this.#stdout(this.#processes.java, 3, `${text}\nCaused by: java.io.IOException: ${random.words(3)} ${mark}`);
  }

  #coloured(mark: string): Fields {
    const random = this.#random;
    return this.#stdout(this.#processes.java, 6, `\x1b[${random.between(31, 36)}m${random.pick(['INFO', 'WARN'])}\x1b[0m ${random.words(random.between(3, 20))} \x1b[2m${mark}`);
  }

  #binary(mark: string): Fields {
    const random = this.#random;
    const noise = random.bytes(random.between(10, 180));
    return this.#stdout(this.#processes.java, 6, Buffer.concat([Buffer.of(0x00, 0xff), noise, Buffer.from(mark)]));
  }

  #stdout(process: Process, priority: number, message: string | Uint8Array): Fields {
    return [
      ['MESSAGE', message],
      ['PRIORITY', String(priority)],
      ['SYSLOG_FACILITY', '3'],
      ['SYSLOG_IDENTIFIER', process.identifier],
      ['_TRANSPORT', 'stdout'],
      ['_STREAM_ID', streamId(process)],
      ...process.trusted,
    ];
  }

  #syslog(process: Process, priority: number, facility: number, message: string): Fields {
    return [
      ['MESSAGE', message],
      ['PRIORITY', String(priority)],
      ['SYSLOG_FACILITY', String(facility)],
      ['SYSLOG_IDENTIFIER', process.identifier],
      ['SYSLOG_PID', String(process.pid)],
      ['SYSLOG_TIMESTAMP', `Mar  1 ${this.#iso(11, 19)} `],
      ['_TRANSPORT', 'syslog'],
      ['_SOURCE_REALTIME_TIMESTAMP', String(this.#time - this.#random.between(10, 90))],
      ...process.trusted,
    ];
  }

  /** A part of the entry's time as `2026-03-01T00:00:00.000Z`. */
  #iso(from: number, to: number): string {
    return new Date(this.#time / 1000).toISOString().slice(from, to);
  }
}

interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly uid: string;
  readonly id: string;
}

function makePod(random: Random): Pod {
  const container = random.pick(['checkout', 'catalogue', 'gateway', 'mailer', 'search']);
  return { namespace: random.pick(['default', 'shop', 'kube-system']), name: `${container}-${random.hex(9)}-${random.hex(5)}`, container, uid: random.uuid(), id: random.hex(64) };
}

function makeProcess(random: Random, identifier: string, unit: string, executable: string, commandLine: string, { pid = random.between(400, 4000), uid = 0 } = {}): Process {
  const slice = unit === 'init.scope' ? '-.slice' : 'system.slice';
  return {
    identifier,
    pid,
    trusted: [
      ['_PID', String(pid)],
      ['_UID', String(uid)],
      ['_GID', String(uid)],
      ['_COMM', executable.slice(executable.lastIndexOf('/') + 1)],
      ['_EXE', executable],
      ['_CMDLINE', commandLine],
      ['_CAP_EFFECTIVE', uid === 0 ? '1ffffffffff' : '0'],
      ['_SELINUX_CONTEXT', 'unconfined'],
      ['_SYSTEMD_CGROUP', unit === 'init.scope' ? '/init.scope' : `/system.slice/${unit}`],
      ['_SYSTEMD_UNIT', unit],
      ['_SYSTEMD_SLICE', slice],
      ['_SYSTEMD_INVOCATION_ID', random.hex(32)],
    ],
  };
}

/** A process keeps the id of its stream to journald: its invocation's digits, turned around, do for that. */
function streamId({ trusted }: Process): string {
  return [...String(trusted.at(-1)?.[1])].reverse().join('');
}
