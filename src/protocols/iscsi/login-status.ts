/** Status of a Login response, class in the high byte and detail in the low one (RFC 7143, 11.13.5). */
export const LOGIN_STATUS = {
  success: 0x0000,
  initiatorError: 0x0200,
  authenticationFailed: 0x0201,
  notAllowed: 0x0202,
  notFound: 0x0203,
  unsupportedVersion: 0x0205,
  tooManyConnections: 0x0206,
  missingParameter: 0x0207,
  sessionTypeNotSupported: 0x0209,
  noSuchSession: 0x020a,
  invalidRequest: 0x020b,
  targetError: 0x0300,
  serviceUnavailable: 0x0301,
  outOfResources: 0x0302,
} as const
export type LoginStatus = (typeof LOGIN_STATUS)[keyof typeof LOGIN_STATUS]
