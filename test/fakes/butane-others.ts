import type { GoodDocument } from './butane-document.ts'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne one'
const unit = (rest: object) => ({ systemd: { units: [{ name: 'a.service', ...rest }] } })
const user = (rest: object) => ({ passwd: { users: [{ name: 'core', ...rest }] } })
const luks = (rest: object) => ({ storage: { luks: [{ name: 'data', device: '/dev/sdb', ...rest }] } })

/** LUKS devices, units, users, and Ignition itself. */
// biome-ignore format: a table, one document in a row
export const OTHERS: readonly GoodDocument[] = [
  // LUKS.
  ['fcos 1.2.0', 'storage: {luks: [{name: data, device: /dev/sdb}]}', luks({})],
  [
    'fcos 1.2.0',
    'storage: {luks: [{name: data, device: /dev/sdb, key_file: {inline: secret}, label: l, uuid: u, wipe_volume: true, options: [-h]}]}',
    luks({
      keyFile: { source: 'data:,secret', compression: '' },
      label: 'l',
      uuid: 'u',
      wipeVolume: true,
      options: ['-h'],
    }),
  ],
  ['flatcar 1.0.0', 'storage: {luks: [{name: data, device: /dev/sdb, key_file: {local: hello.txt}}]}', luks({ keyFile: { source: 'data:,hello%0A', compression: '' } })],
  ['fcos 1.2.0', 'storage: {luks: [{name: data, device: /dev/sdb, clevis: {tpm2: true}}]}', luks({ clevis: { tpm2: true } })],
  [
    'fcos 1.5.0',
    'storage: {luks: [{name: data, device: /dev/sdb, discard: true, open_options: [--x], clevis: {threshold: 1, tang: [{url: "https://t", thumbprint: z, advertisement: "{}"}]}}]}',
    luks({
      discard: true,
      openOptions: ['--x'],
      clevis: { threshold: 1, tang: [{ url: 'https://t', thumbprint: 'z', advertisement: '{}' }] },
    }),
  ],
  ['fcos 1.6.0', 'storage: {luks: [{name: data, device: /dev/sdb, cex: {enabled: true}}]}', luks({ cex: { enabled: true } })],
  // Units.
  ['flatcar 1.0.0', 'systemd: {units: [{name: a.service, enabled: true}]}', unit({ enabled: true })],
  ['flatcar 1.0.0', 'systemd: {units: [{name: a.service, mask: true}]}', unit({ mask: true })],
  ['flatcar 1.0.0', 'systemd: {units: [{name: a.service, enabled: true, contents: "[Service]\\nExecStart=/x\\n[Install]\\nWantedBy=multi-user.target\\n"}]}', unit({ enabled: true, contents: '[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n' })],
  ['flatcar 1.0.0', 'systemd: {units: [{name: a.service, contents: "# c\\n; c\\n\\n[Service]\\nExecStart=/x \\\\\\n  y\\n"}]}', unit({ contents: '# c\n; c\n\n[Service]\nExecStart=/x \\\n  y\n' })],
  ['flatcar 1.0.0', 'systemd: {units: [{name: a.service, dropins: [{name: 10-x.conf, contents: "[Service]\\nRestart=always\\n"}]}]}', unit({ dropins: [{ name: '10-x.conf', contents: '[Service]\nRestart=always\n' }] })],
  [
    'flatcar 1.1.0',
    'systemd: {units: [{name: a.service, contents_local: unit.service, dropins: [{name: a.conf, contents_local: unit.service}]}]}',
    unit({
      contents: '[Service]\nExecStart=/bin/true\n',
      dropins: [{ name: 'a.conf', contents: '[Service]\nExecStart=/bin/true\n' }],
    }),
  ],
  ...['socket', 'device', 'mount', 'automount', 'swap', 'target', 'path', 'timer', 'slice', 'scope'].map((suffix): GoodDocument => ['fcos 1.0.0', `systemd: {units: [{name: a.${suffix}}]}`, { systemd: { units: [{ name: `a.${suffix}` }] } }]),
  // Users and groups.
  ['flatcar 1.0.0', `passwd: {users: [{name: core, ssh_authorized_keys: ["${KEY}"]}]}`, user({ sshAuthorizedKeys: [KEY] })],
  ['flatcar 1.1.0', `passwd: {users: [{name: core, ssh_authorized_keys: ["${KEY}9"], ssh_authorized_keys_local: [keys.pub]}]}`, user({ sshAuthorizedKeys: [`${KEY}9`, KEY, 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITwo two'] })],
  ['flatcar 1.1.0', 'passwd: {users: [{name: core, ssh_authorized_keys_local: [keys.pub]}]}', user({ sshAuthorizedKeys: [KEY, 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITwo two'] })],
  [
    'flatcar 1.0.0',
    'passwd: {users: [{name: core, password_hash: "$6$x$y", uid: 1000, gecos: G, home_dir: /h, no_create_home: true, primary_group: p, groups: [sudo, docker], no_user_group: true, no_log_init: true, shell: /bin/sh, should_exist: true, system: false}]}',
    user({
      passwordHash: '$6$x$y',
      uid: 1000,
      gecos: 'G',
      homeDir: '/h',
      noCreateHome: true,
      primaryGroup: 'p',
      groups: ['sudo', 'docker'],
      noUserGroup: true,
      noLogInit: true,
      shell: '/bin/sh',
      shouldExist: true,
      system: false,
    }),
  ],
  ['flatcar 1.0.0', 'passwd: {groups: [{name: g, gid: 9, password_hash: "*", system: yes, should_exist: off}]}', { passwd: { groups: [{ name: 'g', gid: 9, passwordHash: '*', system: true, shouldExist: false }] } }],
  ['flatcar 1.0.0', 'passwd: {users: [{name: 123}]}', { passwd: { users: [{ name: '123' }] } }],
  // Ignition itself, kernel arguments.
  ['flatcar 1.0.0', 'kernel_arguments: {should_exist: [a, b c], should_not_exist: [d]}', { kernelArguments: { shouldExist: ['a', 'b c'], shouldNotExist: ['d'] } }],
  [
    'fcos 1.1.0',
    'ignition: {config: {merge: [{inline: "{}"}, {source: "http://h/x", compression: gzip}], replace: {local: hello.txt}}}',
    {
      ignition: {
        config: {
          merge: [
            { source: 'data:,%7B%7D', compression: '' },
            { source: 'http://h/x', compression: 'gzip' },
          ],
          replace: { source: 'data:,hello%0A', compression: '' },
        },
      },
    },
  ],
  ['fcos 1.0.0', 'ignition: {config: {merge: [{source: "http://h/x"}]}}', { ignition: { config: { merge: [{ source: 'http://h/x' }] } } }],
  ['fcos 1.1.0', 'ignition: {security: {tls: {certificate_authorities: [{inline: PEM}]}}}', { ignition: { security: { tls: { certificateAuthorities: [{ source: 'data:,PEM', compression: '' }] } } } }],
  ['fcos 1.0.0', 'ignition: {timeouts: {http_response_headers: 20, http_total: 0}}', { ignition: { timeouts: { httpResponseHeaders: 20, httpTotal: 0 } } }],
  ['fcos 1.1.0', 'ignition: {proxy: {http_proxy: "http://p", https_proxy: "https://p", no_proxy: [a]}}', { ignition: { proxy: { httpProxy: 'http://p', httpsProxy: 'https://p', noProxy: ['a'] } } }],
]
