// features.hpp - what the engine is built with. Each switch can be set to 0 by the build of a device that
// does not need it; the code then vanishes from the image. `./run size` prints what each one costs.
//
// The switches must be the same in every translation unit of one program: set them in the build system.
#pragma once

#ifndef POSTRIDER_PIPELINING
#define POSTRIDER_PIPELINING 1
#endif
#ifndef POSTRIDER_CHUNKING
#define POSTRIDER_CHUNKING 1
#endif
#ifndef POSTRIDER_DSN
#define POSTRIDER_DSN 1
#endif
#ifndef POSTRIDER_SMTPUTF8
#define POSTRIDER_SMTPUTF8 1
#endif
#ifndef POSTRIDER_STARTTLS
#define POSTRIDER_STARTTLS 1
#endif
#ifndef POSTRIDER_LMTP
#define POSTRIDER_LMTP 1
#endif
#ifndef POSTRIDER_SIZE
#define POSTRIDER_SIZE 1
#endif
#ifndef POSTRIDER_QUERIES
#define POSTRIDER_QUERIES 1
#endif
#ifndef POSTRIDER_ENHANCED_STATUS
#define POSTRIDER_ENHANCED_STATUS 1
#endif
#ifndef POSTRIDER_MT_PRIORITY
#define POSTRIDER_MT_PRIORITY 1
#endif
#ifndef POSTRIDER_FAST_SCAN
// Content is looked at in blocks: worth its code where there is plenty of it.
#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ == 8
#define POSTRIDER_FAST_SCAN 1
#else
#define POSTRIDER_FAST_SCAN 0
#endif
#endif
#ifndef POSTRIDER_CRAM_MD5
#define POSTRIDER_CRAM_MD5 1
#endif
#ifndef POSTRIDER_SCRAM_SHA_256
#define POSTRIDER_SCRAM_SHA_256 1
#endif
#ifndef POSTRIDER_OAUTH
#define POSTRIDER_OAUTH 1
#endif
#ifndef POSTRIDER_CHECKED
#define POSTRIDER_CHECKED 0
#endif

namespace postrider::feature {

inline constexpr bool pipelining = POSTRIDER_PIPELINING != 0; ///< RFC 2920
inline constexpr bool chunking = POSTRIDER_CHUNKING != 0;     ///< RFC 3030, BDAT and BINARYMIME
inline constexpr bool dsn = POSTRIDER_DSN != 0;               ///< RFC 3461
inline constexpr bool smtputf8 = POSTRIDER_SMTPUTF8 != 0;     ///< RFC 6531
inline constexpr bool starttls = POSTRIDER_STARTTLS != 0;     ///< RFC 3207
inline constexpr bool lmtp = POSTRIDER_LMTP != 0;             ///< RFC 2033
inline constexpr bool size = POSTRIDER_SIZE != 0;             ///< RFC 1870
inline constexpr bool queries = POSTRIDER_QUERIES != 0;       ///< NOOP, VRFY, EXPN, HELP, ETRN, RSET
inline constexpr bool enhanced_status = POSTRIDER_ENHANCED_STATUS != 0; ///< RFC 2034, RFC 3463
inline constexpr bool mt_priority = POSTRIDER_MT_PRIORITY != 0;         ///< RFC 6710
inline constexpr bool fast_scan = POSTRIDER_FAST_SCAN != 0;             ///< text in blocks, not octets
inline constexpr bool cram_md5 = POSTRIDER_CRAM_MD5 != 0;               ///< RFC 2195
inline constexpr bool scram_sha_256 = POSTRIDER_SCRAM_SHA_256 != 0;     ///< RFC 5802, RFC 7677
inline constexpr bool oauth = POSTRIDER_OAUTH != 0;                     ///< RFC 7628, and XOAUTH2
inline constexpr bool checked =
    POSTRIDER_CHECKED != 0; ///< trap on a step that the protocol's table does not have

} // namespace postrider::feature
