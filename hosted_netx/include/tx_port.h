/* ThreadX types on a hosted system.
 *
 * ULONG and LONG are 32 bits wide, as on every ThreadX target and in ThreadX's own 64-bit Linux port: NetX
 * keeps addresses and sequence numbers in them. What does not fit a ULONG (a pointer) never travels in one.
 */
#ifndef TX_PORT_H
#define TX_PORT_H

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the interface's. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef TX_INCLUDE_USER_DEFINE_FILE
#include "tx_user.h"
#endif

typedef void VOID;
typedef char CHAR;
typedef unsigned char UCHAR;
typedef int INT;
typedef unsigned int UINT;
typedef int LONG;
typedef unsigned int ULONG;
typedef short SHORT;
typedef unsigned short USHORT;
typedef uint64_t ULONG64;
#define ULONG64_DEFINED

typedef unsigned long long ALIGN_TYPE;
#define ALIGN_TYPE_DEFINED

#ifndef TX_MAX_PRIORITIES
#define TX_MAX_PRIORITIES 32
#endif
#ifndef TX_MINIMUM_STACK
#define TX_MINIMUM_STACK 200
#endif
#ifndef TX_TIMER_TICKS_PER_SECOND
#define TX_TIMER_TICKS_PER_SECOND (100UL)
#endif

#define TX_INT_DISABLE 1
#define TX_INT_ENABLE 0

/* Who is calling? Linux threads that ThreadX did not make count as initialisation until tx_application_define
   has returned, and as interrupts afterwards. */
#define TX_HOSTED_INITIALISATION 0
#define TX_HOSTED_THREAD 1
#define TX_HOSTED_TIMER 2
#define TX_HOSTED_INTERRUPT 3

#ifdef __cplusplus
extern "C" {
#endif
UINT _tx_hosted_context(void);
UINT _tx_hosted_interrupt_control(UINT new_posture);
#ifdef __cplusplus
}
#endif

/* One lock for all critical sections; it nests. */
#define TX_INTERRUPT_SAVE_AREA UINT tx_saved_posture;
#define TX_DISABLE tx_saved_posture = _tx_hosted_interrupt_control(TX_INT_DISABLE);
#define TX_RESTORE (void)_tx_hosted_interrupt_control(tx_saved_posture);

/* NOLINTEND(bugprone-reserved-identifier) */

#endif
