/** RMCP+ and RAKP message status codes (IPMI 2.0 table 13-15). */
export const RMCP_STATUS = {
  ok: 0x00,
  noResources: 0x01,
  invalidSessionId: 0x02,
  invalidPayload: 0x03,
  invalidAuthentication: 0x04,
  invalidIntegrity: 0x05,
  inactiveSession: 0x08,
  invalidRole: 0x09,
  unauthorizedRole: 0x0a,
  noResourcesForRole: 0x0b,
  invalidNameLength: 0x0c,
  unauthorizedName: 0x0d,
  invalidCheckValue: 0x0f,
  invalidConfidentiality: 0x10,
  noMatchingSuite: 0x11,
  illegalParameter: 0x12,
} as const

const WORDS: Readonly<Record<number, string>> = {
  [RMCP_STATUS.noResources]: 'it has no room for another session',
  [RMCP_STATUS.invalidSessionId]: 'it does not know the session',
  [RMCP_STATUS.invalidPayload]: 'it does not know the kind of payload',
  [RMCP_STATUS.invalidAuthentication]: 'it does not know the authentication algorithm',
  [RMCP_STATUS.invalidIntegrity]: 'it does not know the integrity algorithm',
  6: 'it has no matching authentication',
  7: 'it has no matching integrity',
  [RMCP_STATUS.inactiveSession]: 'the session is not active any more',
  [RMCP_STATUS.invalidRole]: 'it does not know the role',
  [RMCP_STATUS.unauthorizedRole]: 'the user may not have this privilege level',
  [RMCP_STATUS.noResourcesForRole]: 'it has no room for another session of this privilege level',
  [RMCP_STATUS.invalidNameLength]: 'the user name is too long',
  [RMCP_STATUS.unauthorizedName]: 'it does not know the user name',
  14: 'it does not know the GUID',
  [RMCP_STATUS.invalidCheckValue]: 'the password is wrong',
  [RMCP_STATUS.invalidConfidentiality]: 'it does not know the encryption algorithm',
  [RMCP_STATUS.noMatchingSuite]: 'it does not offer this cipher suite',
  [RMCP_STATUS.illegalParameter]: 'it does not understand a parameter',
}

/** What a status means, for a sentence about a BMC: `it does not know the user name`. */
export function statusText(status: number): string {
  return WORDS[status] ?? `it answers status ${status}`
}
