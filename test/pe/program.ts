/** A small EFI program (PE32+) for tests. */
export function efiProgram({ machine = 0x8664, sbat }: { machine?: number; sbat?: string }): Buffer {
  const file = Buffer.alloc(1024)
  file.write('MZ', 0, 'latin1')
  file.writeUInt32LE(0x40, 0x3c)
  file.write('PE\0\0', 0x40, 'latin1')
  file.writeUInt16LE(machine, 0x44)
  file.writeUInt16LE(sbat === undefined ? 0 : 1, 0x46)
  file.writeUInt16LE(240, 0x54)
  const optional = 0x58
  file.writeUInt16LE(0x20b, optional)
  file.writeUInt32LE(16, optional + 108)
  if (sbat !== undefined) {
    const section = optional + 240
    file.write('.sbat', section, 'latin1')
    file.writeUInt32LE(sbat.length, section + 8)
    file.writeUInt32LE(512, section + 16)
    file.writeUInt32LE(512, section + 20)
    file.write(sbat, 512, 'latin1')
  }
  return file
}

/** The same with a signature: `pkcs7` is the SignedData. */
export function signedEfiProgram(pkcs7: Uint8Array, what: Parameters<typeof efiProgram>[0] = {}): Buffer {
  const program = efiProgram(what)
  const table = Buffer.alloc(Math.ceil((8 + pkcs7.length) / 8) * 8)
  table.writeUInt32LE(8 + pkcs7.length, 0)
  table.writeUInt16LE(0x0200, 4)
  table.writeUInt16LE(2, 6)
  table.set(pkcs7, 8)
  program.writeUInt32LE(program.length, 0x58 + 112 + 32)
  program.writeUInt32LE(table.length, 0x58 + 112 + 36)
  return Buffer.concat([program, table])
}

/** A PKCS #7 SignedData by a certificate that names `Example signer`, made with `openssl smime -sign -nodetach`. */
export const SIGNATURE = Buffer.from(
  [
    'MIIDigYJKoZIhvcNAQcCoIIDezCCA3cCAQExDzANBglghkgBZQMEAgEFADARBgkqhkiG9w0BBwGgBAQCeAqgggGxMIIBrTCCAVOg',
    'AwIBAgIUGWb9WSgl6hzMXgPLsYZdNUk5DQUwCgYIKoZIzj0EAwIwKzEQMA4GA1UECgwHRXhhbXBsZTEXMBUGA1UEAwwORXhhbXBs',
    'ZSBzaWduZXIwIBcNMjYxMTIxMjMyNTEyWhgPMjA1NDA0MDcyMzI1MTJaMCsxEDAOBgNVBAoMB0V4YW1wbGUxFzAVBgNVBAMMDkV4',
    'YW1wbGUgc2lnbmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEj5mi/8d3snEjwF/3CV/E2C0M02ip4dmk81W8qD41zcYIZehW',
    'pS5rWMlWKIwn4OaLvuG6o31dF3OaVngzARYIEKNTMFEwHQYDVR0OBBYEFJABWc/jekXrm43WJSzK0SlVIAgrMB8GA1UdIwQYMBaA',
    'FJABWc/jekXrm43WJSzK0SlVIAgrMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgfmwkLGltAPmvgPGhycfypVjA',
    'AL8NBKjmoWGNkr96F78CIQDRD1t2bsja0A0il40tfV562yg3xrZ0zHLp50SKDEfh3DGCAZcwggGTAgEBMEMwKzEQMA4GA1UECgwH',
    'RXhhbXBsZTEXMBUGA1UEAwwORXhhbXBsZSBzaWduZXICFBlm/VkoJeoczF4Dy7GGXTVJOQ0FMA0GCWCGSAFlAwQCAQUAoIHkMBgG',
    'CSqGSIb3DQEJAzELBgkqhkiG9w0BBwEwHAYJKoZIhvcNAQkFMQ8XDTI2MTEyMTIzMjUxMlowLwYJKoZIhvcNAQkEMSIEIHPLOFim',
    'h6hJTKMyMFMBYoLz2tOdQs9iyk553aKqx9msMHkGCSqGSIb3DQEJDzFsMGowCwYJYIZIAWUDBAEqMAsGCWCGSAFlAwQBFjALBglg',
    'hkgBZQMEAQIwCgYIKoZIhvcNAwcwDgYIKoZIhvcNAwICAgCAMA0GCCqGSIb3DQMCAgFAMAcGBSsOAwIHMA0GCCqGSIb3DQMCAgEo',
    'MAoGCCqGSM49BAMCBEcwRQIhAPVhtQJLAuP8iIM7HHI6bfREBos77DBOcl2qNo2LlpaUAiBQmDz0DOUNCgJDBAU9kmQ0x7d8GCJi',
    'nkCSZmVdS9AZww==',
  ].join(''),
  'base64',
)
