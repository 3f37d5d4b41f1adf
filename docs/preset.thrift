// The Thrift service that programs for diskless rooms speak (DBC-CloudCyberCafe and its clients): binary protocol, strict, buffered
// transport, TCP port 9090. Names, field ids and numbers are those of that service, so that clients made from either description work.
//
// `body` and `message` carry other structs of this file, serialised with the same protocol. The original calls them `string`; on the wire
// that is the same type as `binary`, which keeps bytes of 0x80 and above whole in every language.

namespace cpp occ

// What a `Message` asks. 1 to 5 are for the system that runs on a host, 32 to 35 for the server.
enum MessageType {
  PING = 1,
  GET_HOST_INFO = 2,            // ResultStruct.message: HostInfo
  SET_HOST_INFO = 3,            // body: HostInfo
  GET_USER_LIST = 4,            // ResultStruct.message: UserList
  SET_USER_PASSWORD = 5,        // body: UserPassword
  GET_BOOT_MENU = 32,           // ResultStruct.message: BootMenuList
  SET_BOOT_MENU = 33,           // body: BootMenu
  GET_SMYOO_DEVICE_INFO = 34,   // ResultStruct.message: SmyooDeviceInfo
  SET_SMYOO_DEVICE_POWER = 35   // body: SmyooDevicePowerData
}

struct Message {
  1: required i32 version,
  2: required i32 type,
  3: required binary body,
  4: optional string host       // name, address, MAC or id of a machine
}

struct ResultStruct {
  1: required i32 code,         // 0: done; all codes are listed in docs/thrift.md
  2: required binary message    // a struct, or a sentence when the code is not 0
}

exception InvalidMessageType {
  1: i32 whatType,
  2: string why
}

struct HostInfo {
  1: required string hostName,
  2: required string ipAddress
}

struct UserList {
  1: required list<string> users
}

struct UserPassword {
  1: required string userName,
  2: required string password
}

struct BootMenuList {
  1: required list<string> menus
}

struct BootMenu {
  1: required string menu,
  2: required bool superTube
}

struct SmyooDeviceInfo {
  1: required string mcuname,
  2: required string note,
  3: required i32 isonline,     // 1 or 0
  4: required i32 power,        // 1 or 0
  5: required string mcuid
}

struct SmyooDevicePowerData {
  1: required i32 status,       // 1: on, 0: off
  2: optional string mcuid,
  3: optional string mcuname
}

service Preset {
  string ping(),
  ResultStruct handleMessage(1: Message msg) throws (1: InvalidMessageType ouch)
}
