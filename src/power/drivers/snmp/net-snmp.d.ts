/** The part of the net-snmp package that is used here; it brings no types of its own. */
declare module 'net-snmp' {
  export type VarBind = { oid: string; type: number; value: unknown }
  export type User = {
    name: string
    level: number
    authProtocol?: number | undefined
    authKey?: string | undefined
    privProtocol?: number | undefined
    privKey?: string | undefined
  }
  export type Options = {
    port: number
    version: number
    retries: number
    timeout: number
    backoff: number
    transport: 'udp4' | 'udp6'
  }
  export interface Session {
    get(oids: string[], done: (error: Error | null, answers?: VarBind[]) => void): void
    set(values: VarBind[], done: (error: Error | null, answers?: VarBind[]) => void): void
    on(event: 'error', listener: (error: Error) => void): void
    close(): void
  }
  type Snmp = {
    createSession(target: string, community: string, options: Options): Session
    createV3Session(target: string, user: User, options: Options): Session
    isVarbindError(answer: VarBind): boolean
    Version1: 0
    Version2c: 1
    Version3: 3
    ObjectType: { Integer: 2 }
    SecurityLevel: { noAuthNoPriv: 1; authNoPriv: 2; authPriv: 3 }
    AuthProtocols: Record<'none' | 'md5' | 'sha' | 'sha256' | 'sha512', number>
    PrivProtocols: Record<'none' | 'des' | 'aes' | 'aes256b' | 'aes256r', number>
    ErrorStatus: Record<string, number | string>
  }
  const snmp: Snmp
  export default snmp
}
