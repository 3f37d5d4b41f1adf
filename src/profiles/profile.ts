import { z } from 'zod'
import { DiskHints } from '../deployments/hints.ts'
import { LEAST_VOLUME_BYTES, MOST_VOLUME_BYTES } from '../volumes/limits.ts'

/**
 * What a machine becomes. The schemas are the one source for API, `reveille apply` and store; the kinds of the design that
 * need more join this union when their stages exist.
 */
export const PROFILE_KINDS = ['local', 'diskless', 'install', 'live', 'wim', 'iso', 'script', 'menu', 'park'] as const
export type ProfileKind = (typeof PROFILE_KINDS)[number]

/** Names of profiles, images and machines: what fits a URL, a host name and a boot script without quoting. */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/,
    'a name has 1 to 63 lower-case letters, digits, dots, hyphens or underscores, and starts and ends with a letter or digit',
  )

/** Kernel arguments reach a boot script: printable ASCII only, bounded, and no `${` (iPXE would expand it). */
export const CommandLine = z
  .string()
  .max(2048, 'a command line has at most 2048 characters')
  .regex(/^[\x20-\x7e]*$/, 'a command line has printable ASCII characters only, on one line')

export const ImageReference = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?(@[1-9][0-9]{0,8})?$/, 'an image is named NAME or NAME@VERSION')

/** `NAME` for the newest version of a config, `NAME@3` for that one. */
export const ConfigReference = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?(@[1-9][0-9]{0,8})?$/, 'a config is named NAME or NAME@VERSION')

/** A small text file that the booted system may fetch (preseed, kickstart, ...). Machines read it without a password: no secrets. */
export const ProfileFile = z.object({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a file name has letters, digits, dots, hyphens and underscores only'),
  content: z.string().max(262_144, 'a profile file has at most 256 KiB'),
})

/** What an installed system is given of its own, written into its filesystems by the management OS. */
export const InstallIdentity = z
  .object({
    /** Write the machine's host name (or name) into /etc/hostname. */
    hostname: z.boolean().default(false),
    sshKeys: z
      .array(
        z
          .string()
          .max(2000)
          .regex(/^[\x20-\x7e]+$/),
      )
      .max(64)
      .default([]),
    /** For the account root, as `openssl passwd -6` prints it. Never shown again. */
    passwordHash: z
      .string()
      .max(200)
      .regex(/^\$[0-9a-z]+\$[!-9;-~]+$/, 'a password hash starts with $, as openssl passwd -6 prints it')
      .nullable()
      .default(null),
    userData: z.string().max(262_144).nullable().default(null),
    metaData: z.string().max(65_536).nullable().default(null),
    ignition: z.string().max(262_144).nullable().default(null),
  })
  .strict()

/** One image version for one disk or partition. Without hints the deployment's armed disk is meant. */
export const InstallTarget = z
  .object({
    image: ImageReference,
    disk: DiskHints.default({}),
    partition: z.number().int().min(1).max(128).nullable().default(null),
    /** Save the disk as a new version of the image before the next deployment writes to this machine. */
    writeBack: z.boolean().default(false),
  })
  .strict()

/** What becomes of a machine's own writes: kept; dropped whenever it boots; kept until somebody resets it. */
export const OVERLAY_POLICIES = ['keep', 'reset-at-boot', 'reset-on-demand'] as const

const DiskBytes = z
  .number()
  .int()
  .min(LEAST_VOLUME_BYTES)
  .max(MOST_VOLUME_BYTES)
  .refine((bytes) => bytes % 512 === 0, 'a disk has a whole number of 512-byte sectors')

/** One disk of a machine that boots over iSCSI. Its place in the list is its LUN; the machine boots LUN 0. */
export const DisklessDisk = z.discriminatedUnion('use', [
  /** A copy-on-write disk of the machine's own over an image version. */
  z
    .object({
      use: z.literal('overlay'),
      image: ImageReference,
      /** Size of the disk; without it that of the image. */
      bytes: DiskBytes.nullable().default(null),
      /** Most bytes that the machine's own writes may take. */
      limitBytes: DiskBytes.nullable().default(null),
      policy: z.enum(OVERLAY_POLICIES).default('keep'),
    })
    .strict(),
  /** A volume by name: read-only for any number of machines, or writable for one at a time. */
  z.object({ use: z.literal('volume'), volume: Name, access: z.enum(['shared-read-only', 'exclusive']) }).strict(),
  /** Volumes with the label `rotation: NAME`, served in turn: never used first, then the one not used for longest. */
  z.object({ use: z.literal('rotation'), rotation: Name }).strict(),
])
export type DisklessDisk = z.infer<typeof DisklessDisk>
const Disks = z.array(DisklessDisk).max(16)

const common = { name: Name, description: z.string().max(500).default('') }

export const ProfileSpec = z.discriminatedUnion('kind', [
  z.object({ ...common, kind: z.literal('local') }).strict(),
  z
    .object({
      ...common,
      kind: z.literal('install'),
      targets: z.array(InstallTarget).min(1).max(16),
      /** Where the image has holes: `zero` makes them zero, `discard` gives them back and leaves what the disk then reads. */
      holes: z.enum(['zero', 'discard']).default('zero'),
      verify: z.enum(['sampled', 'full']).default('full'),
      /** Let the last partition and its filesystem fill the disk. */
      grow: z.boolean().default(false),
      identity: InstallIdentity.nullable().default(null),
      /** Written into the installed system, for its first boot: Ignition or cloud-init. */
      config: ConfigReference.nullable().default(null),
      finish: z.enum(['reboot', 'power-off', 'kexec']).default('reboot'),
    })
    .strict(),
  z
    .object({
      ...common,
      kind: z.literal('live'),
      image: ImageReference,
      /** `{{files}}` stands for the URL where this profile's files are; `{{mac}}`, `{{hostname}}`, `{{machine}}`, `{{server}}` likewise. */
      cmdline: CommandLine.default(''),
      files: z.array(ProfileFile).max(32).default([]),
      /** Rendered for the machine and given to its boot: `{{config}}` and `{{nocloud}}` in the command line are where. */
      config: ConfigReference.nullable().default(null),
      /**
       * Disks that are attached over iSCSI before it starts, for installers. `{{iscsi-initiator}}`, `{{iscsi-target}}`, `{{iscsi-host}}` and
       * `{{iscsi-port}}` tell them to the command line and the files.
       */
      disks: Disks.default([]),
    })
    .strict(),
  z
    .object({
      ...common,
      kind: z.literal('diskless'),
      disks: Disks.min(1),
      /** Windows sends iSCSI through a gateway that it is told; without one it goes straight to the server. */
      hideGateway: z.boolean().default(false),
    })
    .strict(),
  z
    .object({
      ...common,
      kind: z.literal('wim'),
      /** A bundle: its kernel is wimboot, its initrds are the files of Windows PE under their own names (BCD, boot.sdi, ...). */
      image: ImageReference,
      /** An image of kind wim that takes the place of boot.wim. */
      wim: ImageReference.nullable().default(null),
      /** Of kind unattend: its answer file, start script and so on are loaded into Windows PE, to `X:\Windows\System32`. */
      config: ConfigReference.nullable().default(null),
      /** Disks that are attached before Windows PE starts, for installing onto them. */
      disks: Disks.default([]),
      hideGateway: z.boolean().default(false),
    })
    .strict(),
  z.object({ ...common, kind: z.literal('iso'), image: ImageReference }).strict(),
  z
    .object({
      ...common,
      kind: z.literal('script'),
      script: z
        .string()
        .max(65_536)
        .regex(/^#!ipxe\s/, 'an iPXE script starts with a line #!ipxe'),
    })
    .strict(),
  z
    .object({
      ...common,
      kind: z.literal('menu'),
      title: z
        .string()
        .max(60)
        .regex(/^[\x20-\x7e]*$/, 'printable ASCII characters only')
        .default(''),
      items: z
        .array(
          z
            .object({
              profile: Name,
              label: z
                .string()
                .max(60)
                .regex(/^[\x20-\x7e]*$/, 'printable ASCII characters only')
                .default(''),
              /** Asked for on the machine's screen before the entry is booted. Never shown again. */
              password: z
                .string()
                .min(1)
                .max(64)
                .regex(/^[\x21-\x7e]+$/, 'printable ASCII characters without spaces')
                .nullable()
                .default(null),
            })
            .strict(),
        )
        .min(1)
        .max(32),
      default: Name,
      timeoutSeconds: z.number().int().min(0).max(3600).default(10),
    })
    .strict(),
  z
    .object({
      ...common,
      kind: z.literal('park'),
      message: z
        .string()
        .max(200)
        .regex(/^[\x20-\x7e]*$/, 'printable ASCII characters only')
        .default(''),
    })
    .strict(),
])
export type ProfileSpec = z.infer<typeof ProfileSpec>

export type Profile = ProfileSpec & Readonly<{ createdAt: number; updatedAt: number }>
