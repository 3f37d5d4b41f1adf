/** What VPD page B0h tells, in blocks, and what commands are held to. */
export const LIMITS = {
  /** 8 MiB: more memory a single command does not get. */
  transfer: 16384,
  /** 1 MiB. */
  optimalTransfer: 2048,
  /** 4 KiB: what pools allocate by. */
  granularity: 8,
  compareAndWrite: 255,
  /** 512 MiB. */
  unmap: 0x100000,
  unmapDescriptors: 256,
  /** Just below 32 MiB. */
  writeSame: 65528,
  /** Of EXTENDED COPY: copies of at most 256 MiB with one command, so that none takes longer than initiators wait. */
  copyTargets: 8,
  copySegments: 8,
  /** Blocks of one segment: its field has no room for more. */
  copySegment: 65535,
  /** Copies of one unit that go on at a time; more wait for their turn. */
  copies: 64,
} as const
