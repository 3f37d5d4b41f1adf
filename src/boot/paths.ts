/**
 * Every URL path below `/boot` in one place: the offer advertises them, the scripts name them, the HTTP side serves them.
 * A contract test fetches each of them.
 */
export const BOOT_PATHS = {
  /** The first iPXE script: the same for every machine; it collects what the machine knows of itself and asks for `script`. */
  start: '/boot/start.ipxe',
  /** The script for one machine; the query tells who asks. */
  script: '/boot/script.ipxe',
  /** Boot programs by name, the same files as over TFTP. */
  program: (name: string) => `/boot/program/${name}`,
  /** One file of an image; `name` is for people and for programs that look at the ending. */
  blob: (sha256: string, name: string) => `/boot/blob/${sha256}/${encodeURIComponent(name)}`,
  /** Where a profile's own files are, reachable only with the capability of one boot. */
  files: (capability: string) => `/boot/file/${capability}`,
  file: (capability: string, name: string) => `/boot/file/${capability}/${encodeURIComponent(name)}`,
  /** The booted system says that it is what it was to become. */
  home: (capability: string) => `/boot/home/${capability}`,
  /** Reports of a running script: `launch` right before control passes to what was loaded, `failed` when a step failed. */
  mark: (boot: string, what: 'launch' | 'failed' | 'retry') => `/boot/mark/${boot}/${what}`,
  /** An initrd with what the management OS proves itself with; the word is good for one fetch. */
  agentPass: (word: string) => `/boot/agent/${word}/boot.cpio`,
  /** An initrd that tells a system how to log in to its disks, where its loader cannot. */
  diskLogin: (word: string) => `/boot/login/${word}/login.cpio`,
  /** The disc that boots one machine, for its BMC; the word is good for that machine. BMCs look at the ending. */
  disc: (word: string) => `/boot/disc/${word}/boot.iso`,
  /** The own iPXE script of a `script` profile, for the boot that runs it. */
  own: (boot: string) => `/boot/own/${boot}`,
} as const
