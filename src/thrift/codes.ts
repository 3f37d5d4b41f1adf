/** Types of messages. */
export const ASK = {
  ping: 1,
  getHostInfo: 2,
  setHostInfo: 3,
  getUserList: 4,
  setUserPassword: 5,
  getBootMenu: 32,
  setBootMenu: 33,
  getDeviceInfo: 34,
  setDevicePower: 35,
} as const

/**
 * How a message ended. 1001 (unknown notification) and 1203 (no session with the cloud that switches power) belong to the original's inner
 * workings and are never answered here.
 */
export const CODE = {
  ok: 0,
  unknown: 2,
  exception: 3,
  timeout: 4,
  unknownType: 5,
  unknownHost: 6,
  connectFailed: 7,
  noSuchMenu: 1101,
  badPowerStatus: 1201,
  powerFailed: 1202,
  noDevice: 2001,
  /** Those of the system that runs on a host. */
  invalidBody: 10_003,
  userListFailed: 10_301,
  setPasswordFailed: 10_401,
} as const
