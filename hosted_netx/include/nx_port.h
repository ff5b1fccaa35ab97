/* NetX Duo on a hosted system: tick rate, byte order, and who may call what. */
#ifndef NX_PORT_H
#define NX_PORT_H

#include "tx_api.h"

#ifdef NX_INCLUDE_USER_DEFINE_FILE
#include "nx_user.h"
#endif

#ifndef NX_IP_PERIODIC_RATE
#define NX_IP_PERIODIC_RATE TX_TIMER_TICKS_PER_SECOND
#endif

#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#ifndef NX_LITTLE_ENDIAN
#define NX_LITTLE_ENDIAN
#endif
#define NX_CHANGE_ULONG_ENDIAN(a) ((a) = (ULONG)__builtin_bswap32((ULONG)(a)))
#define NX_CHANGE_USHORT_ENDIAN(a) ((a) = (USHORT)__builtin_bswap16((USHORT)(a)))
#else
#define NX_CHANGE_ULONG_ENDIAN(a)
#define NX_CHANGE_USHORT_ENDIAN(a)
#endif

/* For the error-checking front ends of modules on top of NetX. NX_CALLER_CHECKING_EXTERNS stands at file
   scope and takes no semicolon; the others stand in a function that returns UINT. */
#define NX_CALLER_CHECKING_EXTERNS
#define NX_THREADS_ONLY_CALLER_CHECKING                                                                      \
    if (_tx_hosted_context() != TX_HOSTED_THREAD)                                                            \
        return (NX_CALLER_ERROR);
#define NX_INIT_AND_THREADS_CALLER_CHECKING                                                                  \
    if (_tx_hosted_context() >= TX_HOSTED_TIMER)                                                             \
        return (NX_CALLER_ERROR);
#define NX_NOT_ISR_CALLER_CHECKING                                                                           \
    if (_tx_hosted_context() == TX_HOSTED_INTERRUPT)                                                         \
        return (NX_CALLER_ERROR);
#define NX_THREAD_WAIT_CALLER_CHECKING                                                                       \
    if ((wait_option) && (_tx_hosted_context() != TX_HOSTED_THREAD))                                         \
        return (NX_CALLER_ERROR);

#endif
