/**
 * A program for UEFI on x86_64 that finds files as wimboot does: in the file system of the device that it was loaded from. It prints its
 * options, and of each file name, size and CRC-32, the latter two in hexadecimal: `FILE boot.wim 00300000 1c291ca3`. Then it returns.
 */
export function fileLister(): Buffer {
  const code = Buffer.from(CODE.replace(/^\w+:$|;.*$|\s/gm, ''), 'hex')
  const file = Buffer.alloc(HEADERS + SECTION)
  file.write('MZ', 0, 'latin1')
  file.writeUInt32LE(0x40, 0x3c)
  file.write('PE\0\0', 0x40, 'latin1')
  file.writeUInt16LE(0x8664, 0x44)
  file.writeUInt16LE(1, 0x46)
  file.writeUInt16LE(240, 0x54)
  // An executable that runs wherever it is loaded.
  file.writeUInt16LE(0x0022, 0x56)
  const optional = 0x58
  file.writeUInt16LE(0x20b, optional)
  file.writeUInt32LE(SECTION, optional + 4)
  file.writeUInt32LE(AT, optional + 16)
  file.writeUInt32LE(AT, optional + 20)
  file.writeUInt32LE(AT, optional + 32)
  file.writeUInt32LE(HEADERS, optional + 36)
  file.writeUInt32LE(2 * AT, optional + 56)
  file.writeUInt32LE(HEADERS, optional + 60)
  file.writeUInt16LE(10, optional + 68)
  file.writeUInt32LE(16, optional + 108)
  const section = optional + 240
  file.write('.text', section, 'latin1')
  file.writeUInt32LE(code.length, section + 8)
  file.writeUInt32LE(AT, section + 12)
  file.writeUInt32LE(SECTION, section + 16)
  file.writeUInt32LE(HEADERS, section + 20)
  file.writeUInt32LE(0x6000_0020, section + 36)
  code.copy(file, HEADERS)
  return file
}

const AT = 0x1000
const HEADERS = 0x200
const SECTION = 0x400

/** UEFI 2.10 §4.4 (boot services), §9.1 (loaded image), §13.4 (simple file system); calls as in §2.3.4. */
const CODE = `
start:
53                       ; push rbx
56                       ; push rsi
57                       ; push rdi
55                       ; push rbp
4154                     ; push r12
4155                     ; push r13
4881eca8040000           ; sub rsp,0x4a8
4889d3                   ; mov rbx,rdx
488b7260                 ; mov rsi,[rdx+0x60]
4c8d642450               ; lea r12,[rsp+0x50]
488d15cb010000           ; lea rdx,[loaded]
4c8d442428               ; lea r8,[rsp+0x28]
ff9698000000             ; call [rsi+0x98]
4885c0                   ; test rax,rax
0f8544010000             ; jne fail
4c8b6c2428               ; mov r13,[rsp+0x28]
488d15cb010000           ; lea rdx,[options]
e896010000               ; call print
498b5538                 ; mov rdx,[r13+0x38]
e88d010000               ; call print
498b4d18                 ; mov rcx,[r13+0x18]
488d15a2010000           ; lea rdx,[simple]
4c8d442428               ; lea r8,[rsp+0x28]
ff9698000000             ; call [rsi+0x98]
4885c0                   ; test rax,rax
0f850b010000             ; jne fail
488b4c2428               ; mov rcx,[rsp+0x28]
488d542428               ; lea rdx,[rsp+0x28]
ff5108                   ; call [rcx+0x8]
4885c0                   ; test rax,rax
0f85f5000000             ; jne fail
488b7c2428               ; mov rdi,[rsp+0x28]
next:
48c744243000040000       ; mov [rsp+0x30],0x400
4889f9                   ; mov rcx,rdi
488d542430               ; lea rdx,[rsp+0x30]
4c8d8424a0000000         ; lea r8,[rsp+0xa0]
ff5720                   ; call [rdi+0x20]
4885c0                   ; test rax,rax
0f85cb000000             ; jne fail
48837c243000             ; cmp [rsp+0x30],0x0
0f84af000000             ; je done
4889f9                   ; mov rcx,rdi
488d542438               ; lea rdx,[rsp+0x38]
4c8d8424f0000000         ; lea r8,[rsp+0xf0]
41b901000000             ; mov r9d,0x1
48c744242000000000       ; mov [rsp+0x20],0x0
ff5708                   ; call [rdi+0x8]
4885c0                   ; test rax,rax
0f8594000000             ; jne fail
488bac24a8000000         ; mov rbp,[rsp+0xa8]
b902000000               ; mov ecx,0x2
488d5501                 ; lea rdx,[rbp+0x1]
4c8d442440               ; lea r8,[rsp+0x40]
ff5640                   ; call [rsi+0x40]
4885c0                   ; test rax,rax
7576                     ; jne fail
48896c2430               ; mov [rsp+0x30],rbp
488b4c2438               ; mov rcx,[rsp+0x38]
488d542430               ; lea rdx,[rsp+0x30]
4c8b442440               ; mov r8,[rsp+0x40]
ff5120                   ; call [rcx+0x20]
4885c0                   ; test rax,rax
755a                     ; jne fail
488b4c2440               ; mov rcx,[rsp+0x40]
488b542430               ; mov rdx,[rsp+0x30]
4c8d442448               ; lea r8,[rsp+0x48]
ff9658010000             ; call [rsi+0x158]
4885c0                   ; test rax,rax
7540                     ; jne fail
488d15dc000000           ; lea rdx,[files]
e897000000               ; call print
488d9424f0000000         ; lea rdx,[rsp+0xf0]
e88a000000               ; call print
8b442430                 ; mov eax,[rsp+0x30]
e848000000               ; call hex
8b442448                 ; mov eax,[rsp+0x48]
e83f000000               ; call hex
e920ffffff               ; jmp next
done:
488d15bc000000           ; lea rdx,[ended]
e867000000               ; call print
31c0                     ; xor eax,eax
eb1a                     ; jmp out
fail:
4989c5                   ; mov r13,rax
488d15b9000000           ; lea rdx,[failed]
e854000000               ; call print
4489e8                   ; mov eax,r13d
e813000000               ; call hex
4c89e8                   ; mov rax,r13
out:
4881c4a8040000           ; add rsp,0x4a8
415d                     ; pop r13
415c                     ; pop r12
5d                       ; pop rbp
5f                       ; pop rdi
5e                       ; pop rsi
5b                       ; pop rbx
c3                       ; ret
hex:
6641c704242000           ; mov [r12],0x20
4d8d542402               ; lea r10,[r12+0x2]
b908000000               ; mov ecx,0x8
digit:
c1c004                   ; rol eax,0x4
89c2                     ; mov edx,eax
83e20f                   ; and edx,0xf
83fa0a                   ; cmp edx,0xa
7203                     ; jb below
83c227                   ; add edx,0x27
below:
83c230                   ; add edx,0x30
66418912                 ; mov [r10],dx
4983c202                 ; add r10,0x2
ffc9                     ; dec ecx
75e1                     ; jne digit
6641c7020000             ; mov [r10],0x0
4c89e2                   ; mov rdx,r12
print:
4883ec28                 ; sub rsp,0x28
488b4b40                 ; mov rcx,[rbx+0x40]
ff5108                   ; call [rcx+0x8]
4883c428                 ; add rsp,0x28
c3                       ; ret
loaded:
a1311b5b6295d2118e3f00a0c969723b
simple:
225b4e965964d2118e3900a0c969723b
options:
0d000a0054004f004c00440020000000
files:
0d000a00460049004c00450020000000
ended:
0d000a0045004e0044000d000a000000
failed:
0d000a004600410049004c00450044000000
`
