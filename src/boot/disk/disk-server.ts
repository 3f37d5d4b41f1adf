import type { Socket } from 'node:net'
import type { LoginStatus } from '../../protocols/iscsi/login-status.ts'
import type { Session, Target } from '../../volumes/engine.ts'
import type { DiskServerOptions, FirstLogin } from './contract.ts'

/** Answers the first Login PDU with a refusal and closes. */
export function refuseLogin(_socket: Socket, _first: FirstLogin, _status: LoginStatus): void {}

/** Serves a discovery session: login without proof, SendTargets, logout. `portal` as HOST:PORT, an IPv4 address the initiator can reach. */
export function serveDiscovery(
  _socket: Socket,
  _first: FirstLogin,
  _options: Readonly<{ targets: readonly string[]; portal: string }>,
): void {}

/** Targets with their disks and sessions, in this process. Sockets come from outside: see `serve.ts` for a portal, or hand them over. */
export class DiskServer {
  constructor(_options: DiskServerOptions) {}

  /** Creates the target, or makes it so; sessions that may not go on are ended. */
  async apply(_target: Target): Promise<void> {}

  /** Ends its sessions, flushes and closes its LUNs. */
  async withdraw(_iqn: string): Promise<void> {}

  /**
   * Takes over a paused socket on which `received` was read (the first Login PDU in front). Unknown targets are refused. `address` is that of
   * the initiator (a handed-over socket may not know it any more).
   */
  serve(_socket: Socket, _received: Uint8Array, _admission: Readonly<{ iqn: string; address: string }>): void {}

  sessions(): readonly Session[] {
    return []
  }

  /** Ends a session; unknown ids are fine. */
  async kick(_session: string): Promise<void> {}

  /** Ends all sessions, flushes and closes everything. */
  async stop(): Promise<void> {}
}
