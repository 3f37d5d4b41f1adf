/** IPMI 2.0 table 5-1: groups of commands, as numbers of requests. An answer carries the number plus one. */
export const NET_FN = {
  chassis: 0x00,
  bridge: 0x02,
  sensor: 0x04,
  application: 0x06,
  firmware: 0x08,
  storage: 0x0a,
  transport: 0x0c,
  /** PICMG, DCMI and others; the first byte of the data says which. */
  groupExtension: 0x2c,
  /** Of a maker: the first three bytes of the data say whose. */
  oemGroup: 0x2e,
  /** Supermicro's commands of the virtual drive. */
  supermicroMedia: 0x3c,
} as const

/** Numbers of IPMI 2.0 §6.8. */
export const PRIVILEGE_LEVEL = { callback: 1, user: 2, operator: 3, administrator: 4 } as const
export type PrivilegeLevel = (typeof PRIVILEGE_LEVEL)[keyof typeof PRIVILEGE_LEVEL]

/** IPMI 2.0 table 5-4: the address of a BMC. */
export const BMC_ADDRESS = 0x20

/** IPMI 2.0 table 6-1: the channel that a request came by. */
export const THIS_CHANNEL = 0x0e
