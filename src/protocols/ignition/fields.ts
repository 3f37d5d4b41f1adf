import { type FieldType, type Shape, shape } from './schema.ts'

/**
 * What Butane and Ignition know, as tables: specifications fcos 1.0.0 to 1.6.0, flatcar 1.0.0 and 1.1.0, Ignition 3.0.0 to 3.5.0
 * (coreos.github.io/butane/specs, coreos.github.io/ignition/specs). `since` counts Ignition's minor numbers throughout, because each
 * version of Butane is made for one.
 */
const each = (table: Shape) => ({ each: table })
const required = { required: true } as const
const sugar = (since: number) => ({ since, sugar: true })
const since = (minor: number) => ({ since: minor })

const HEADER = shape('header', { name: ['text', required], value: 'text' })
const VERIFICATION = shape('verification', { hash: 'text' })

/** What is fetched. Files could be compressed and given inline from the start, everything else from 3.1 on. */
const resource = (what: string, from: number) =>
  shape(what, {
    source: 'text',
    inline: ['text', sugar(from)],
    local: ['text', sugar(1)],
    compression: ['text', since(from)],
    http_headers: [each(HEADER), since(1)],
    verification: VERIFICATION,
  })
const CONTENTS = resource('contents', 0)
const REFERENCE = resource('reference', 1)

const OWNER = shape('owner', { id: 'number', name: 'text' })
const NODE: Record<string, FieldType | readonly [FieldType, { required?: boolean }]> = {
  path: ['text', required],
  overwrite: 'flag',
  user: OWNER,
  group: OWNER,
}
const FILE = shape('file', { ...NODE, contents: CONTENTS, append: each(CONTENTS), mode: 'number' })
const DIRECTORY = shape('directory', { ...NODE, mode: 'number' })
// The target may be left out where the link comes from a tree: checked when all is known.
const LINK = shape('link', { ...NODE, target: 'text', hard: 'flag' })

const PARTITION = shape('partition', {
  label: 'text',
  number: 'number',
  size_mib: 'number',
  start_mib: 'number',
  type_guid: 'text',
  guid: 'text',
  wipe_partition_entry: 'flag',
  should_exist: 'flag',
  resize: ['flag', since(2)],
})
const DISK = shape('disk', { device: ['text', required], wipe_table: 'flag', partitions: each(PARTITION) })
const RAID = shape('array', {
  name: ['text', required],
  level: ['text', required],
  devices: 'texts',
  spares: 'number',
  options: 'texts',
})
const FILESYSTEM = shape('filesystem', {
  device: ['text', required],
  format: 'text',
  path: 'text',
  wipe_filesystem: 'flag',
  label: 'text',
  uuid: 'text',
  options: 'texts',
  mount_options: ['texts', since(1)],
  with_mount_unit: ['flag', sugar(1)],
})
const TANG = shape('tang server', {
  url: ['text', required],
  thumbprint: 'text',
  advertisement: ['text', since(4)],
})
const CUSTOM = shape('custom clevis', { pin: 'text', config: 'text', needs_network: 'flag' })
const CLEVIS = shape('clevis', { tang: each(TANG), tpm2: 'flag', threshold: 'number', custom: CUSTOM })
const CEX = shape('cex', { enabled: 'flag' })
const LUKS = shape('LUKS device', {
  name: ['text', required],
  device: 'text',
  key_file: REFERENCE,
  label: 'text',
  uuid: 'text',
  options: 'texts',
  wipe_volume: 'flag',
  clevis: [CLEVIS, { notFlatcar: true }],
  discard: ['flag', since(4)],
  open_options: ['texts', since(4)],
  cex: [CEX, { since: 5, notFlatcar: true }],
})
const TREE = shape('tree', { local: ['text', required], path: 'text' })
const STORAGE = shape('storage', {
  disks: each(DISK),
  raid: each(RAID),
  filesystems: each(FILESYSTEM),
  files: each(FILE),
  directories: each(DIRECTORY),
  links: each(LINK),
  luks: [each(LUKS), since(2)],
  trees: [each(TREE), sugar(1)],
})

const DROPIN = shape('drop-in', {
  name: ['text', required],
  contents: 'text',
  contents_local: ['text', sugar(4)],
})
const UNIT = shape('unit', {
  name: ['text', required],
  enabled: 'flag',
  mask: 'flag',
  contents: 'text',
  contents_local: ['text', sugar(4)],
  dropins: each(DROPIN),
})

const USER = shape('user', {
  name: ['text', required],
  password_hash: 'text',
  ssh_authorized_keys: 'texts',
  ssh_authorized_keys_local: ['texts', sugar(4)],
  uid: 'number',
  gecos: 'text',
  home_dir: 'text',
  no_create_home: 'flag',
  primary_group: 'text',
  groups: 'texts',
  no_user_group: 'flag',
  no_log_init: 'flag',
  shell: 'text',
  should_exist: ['flag', since(2)],
  system: 'flag',
})
const GROUP = shape('group', {
  name: ['text', required],
  gid: 'number',
  password_hash: 'text',
  should_exist: ['flag', since(2)],
  system: 'flag',
})

const IGNITION = shape('ignition', {
  config: shape('config', { merge: each(REFERENCE), replace: REFERENCE }),
  timeouts: shape('timeouts', { http_response_headers: 'number', http_total: 'number' }),
  security: shape('security', { tls: shape('tls', { certificate_authorities: each(REFERENCE) }) }),
  proxy: [shape('proxy', { http_proxy: 'text', https_proxy: 'text', no_proxy: 'texts' }), since(1)],
})

const BOOT_DEVICE = shape('boot device', {
  layout: ['text', { sugar: true }],
  luks: shape('boot device luks', {
    device: ['text', { fcos: 6 }],
    tang: each(TANG),
    tpm2: 'flag',
    threshold: 'number',
    discard: ['flag', since(4)],
    cex: [CEX, since(5)],
  }),
  mirror: shape('mirror', { devices: 'texts' }),
})
const GRUB = shape('grub', {
  users: each(shape('GRUB user', { name: ['text', required], password_hash: ['text', required] })),
})

/** A whole document; `ignition.version`, `variant` and `version` are read before. */
export const ROOT = shape('document', {
  ignition: IGNITION,
  storage: STORAGE,
  systemd: shape('systemd', { units: each(UNIT) }),
  passwd: shape('passwd', { users: each(USER), groups: each(GROUP) }),
  kernel_arguments: [shape('kernel arguments', { should_exist: 'texts', should_not_exist: 'texts' }), since(3)],
  boot_device: [BOOT_DEVICE, { fcos: 3, sugar: true }],
  grub: [GRUB, { fcos: 5, sugar: true }],
})
