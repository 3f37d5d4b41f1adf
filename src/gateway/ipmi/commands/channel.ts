import * as wire from '../../../protocols/ipmi/channel.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import type { Command } from '../command.ts'
import { answers, checkChannel, LAN_CHANNEL, refuse } from './answers.ts'

const ACCESS: wire.ChannelAccess = {
  alerting: false,
  perMessageAuthentication: true,
  userLevelAuthentication: true,
  mode: 'always',
  privilege: PRIVILEGE_LEVEL.administrator,
}

export const CHANNEL: readonly Command[] = [
  answers(wire.GET_CHANNEL_INFO, ({ channel }, { sessions }): wire.ChannelInfo => {
    checkChannel(channel)
    return {
      channel: LAN_CHANNEL,
      medium: wire.CHANNEL_MEDIUM.lan,
      protocol: wire.CHANNEL_PROTOCOL.ipmb,
      sessions: 'many',
      activeSessions: sessions.length,
    }
  }),
  answers(wire.GET_CHANNEL_ACCESS, ({ channel }) => {
    checkChannel(channel)
    return ACCESS
  }),
  answers(wire.SET_CHANNEL_ACCESS, ({ channel, flags, privilege }) => {
    checkChannel(channel)
    const [now, level] = wire.GET_CHANNEL_ACCESS.encodeAnswer(ACCESS)
    // The two upper bits: 0 leaves a byte as it is. Who writes what is so already is obeyed.
    const changes =
      (flags >> 6 !== 0 && (flags & 0x3f) !== now) || (privilege >> 6 !== 0 && (privilege & 0x0f) !== level)
    if (changes) refuse(wire.CHANNEL_ACCESS_FIXED)
  }),
]
