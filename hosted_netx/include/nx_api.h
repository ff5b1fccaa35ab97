/* The NetX Duo services an SMTP client uses, over the kernel's TCP.
 *
 * Names, parameters, constants and return codes are those of the published interface; the control blocks are
 * this implementation's own, except for the fields of NX_PACKET and NXD_ADDRESS that the interface makes
 * public. With error checking (the default) a service's name stands for its checked front end, with
 * NX_DISABLE_ERROR_CHECKING for the service itself. Options that change a layout must be the same here and in
 * the library: take them from the library's target. */
#ifndef NX_API_H
#define NX_API_H

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the interface's. */

#include "nx_port.h"
#include "tx_api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AZURE_RTOS_NETXDUO
#define __PRODUCT_NETXDUO__
#define NETXDUO_MAJOR_VERSION 6
#define NETXDUO_MINOR_VERSION 4
#define NETXDUO_PATCH_VERSION 2
#define __NETXDUO_MAJOR_VERSION__ NETXDUO_MAJOR_VERSION
#define __NETXDUO_MINOR_VERSION__ NETXDUO_MINOR_VERSION
#define NX_HOSTED

#ifndef NX_PARAMETER_NOT_USED
#define NX_PARAMETER_NOT_USED(p) ((void)(p))
#endif

#ifdef NX_DISABLE_IPV6
#undef FEATURE_NX_IPV6
#else
#ifndef FEATURE_NX_IPV6
#define FEATURE_NX_IPV6
#endif
#endif
#if defined(NX_DISABLE_IPV4) && defined(NX_DISABLE_IPV6)
#error "NX_DISABLE_IPV4 and NX_DISABLE_IPV6 together leave no protocol: define at most one"
#endif

#define NX_NO_WAIT 0
#define NX_WAIT_FOREVER ((ULONG)0xFFFFFFFF)
#define NX_TRUE 1
#define NX_FALSE 0
#define NX_NULL 0
#define NX_FOREVER 1

#ifndef NX_MAX_PORT
#define NX_MAX_PORT 0xFFFF
#endif
#ifndef NX_SEARCH_PORT_START
#define NX_SEARCH_PORT_START 0xC000
#endif
#ifndef NX_MAX_STRING_LENGTH
#define NX_MAX_STRING_LENGTH 1024
#endif
#ifndef NX_RAND
#define NX_RAND rand
#endif
#ifndef NX_SRAND
#define NX_SRAND srand
#endif
#define NX_ANY_PORT 0
#define NX_TCP_CLIENT 1
#define NX_TCP_SERVER 2

/* Room a packet keeps in front of its data for the headers below. */
#ifndef NX_PHYSICAL_HEADER
#define NX_PHYSICAL_HEADER 16
#endif
#ifndef NX_PHYSICAL_TRAILER
#define NX_PHYSICAL_TRAILER 4
#endif
#ifndef NX_PACKET_ALIGNMENT
#define NX_PACKET_ALIGNMENT sizeof(ULONG)
#endif
#define NX_IPv4_PACKET (NX_PHYSICAL_HEADER + 20)
#define NX_IPv4_TCP_PACKET (NX_IPv4_PACKET + 20)
#define NX_IPv4_UDP_PACKET (NX_IPv4_PACKET + 8)
#define NX_IPv4_ICMP_PACKET (NX_IPv4_PACKET)
#define NX_IPv4_IGMP_PACKET (NX_IPv4_PACKET)
#define NX_IPv6_PACKET (NX_PHYSICAL_HEADER + 40)
#define NX_IPv6_UDP_PACKET (NX_IPv6_PACKET + 8)
#define NX_IPv6_TCP_PACKET (NX_IPv6_PACKET + 20)
#define NX_IPv6_ICMP_PACKET (NX_IPv6_PACKET)
#define NX_RECEIVE_PACKET 0
#ifdef FEATURE_NX_IPV6
#define NX_IP_PACKET NX_IPv6_PACKET
#define NX_TCP_PACKET NX_IPv6_TCP_PACKET
#define NX_UDP_PACKET NX_IPv6_UDP_PACKET
#define NX_ICMP_PACKET NX_IPv6_ICMP_PACKET
#else
#define NX_IP_PACKET NX_IPv4_PACKET
#define NX_TCP_PACKET NX_IPv4_TCP_PACKET
#define NX_UDP_PACKET NX_IPv4_UDP_PACKET
#define NX_ICMP_PACKET NX_IPv4_ICMP_PACKET
#endif
#define NX_IGMP_PACKET NX_IPv4_IGMP_PACKET

/* Marks in nx_packet_tcp_queue_next. */
#define NX_PACKET_POOL_ID ((ULONG)0x5041434B)
#define NX_PACKET_FREE ((ALIGN_TYPE)0xFFFFFFFF)
#define NX_PACKET_ALLOCATED ((ALIGN_TYPE)0xAAAAAAAA)
#define NX_PACKET_ENQUEUED ((ALIGN_TYPE)0xEEEEEEEE)
#define NX_PACKET_READY ((ALIGN_TYPE)0xBBBBBBBB)
#define NX_DRIVER_TX_DONE ((ALIGN_TYPE)0xDDDDDDDD)
#define NX_IP_ID ((ULONG)0x49502020)
#define NX_TCP_ID ((ULONG)0x54435020)

#define NX_FRAGMENT_OKAY ((ULONG)0x00000000)
#define NX_DONT_FRAGMENT ((ULONG)0x00004000)
#define NX_IP_NORMAL ((ULONG)0x00000000)
#define NX_IP_MIN_DELAY ((ULONG)0x00100000)
#define NX_IP_MAX_DATA ((ULONG)0x00080000)
#define NX_IP_MAX_RELIABLE ((ULONG)0x00040000)
#define NX_IP_MIN_COST ((ULONG)0x00020000)
#define NX_IP_TOS_MASK ((ULONG)0x00FF0000)
#define NX_IP_TIME_TO_LIVE ((ULONG)0x00000080)
#define NX_IP_TIME_TO_LIVE_MASK ((ULONG)0xFF000000)
#define NX_PROTOCOL_TCP 6
#define NX_PROTOCOL_UDP 17

#define NX_IP_CLASS_A_MASK ((ULONG)0x80000000)
#define NX_IP_CLASS_A_TYPE ((ULONG)0x00000000)
#define NX_IP_CLASS_B_MASK ((ULONG)0xC0000000)
#define NX_IP_CLASS_B_TYPE ((ULONG)0x80000000)
#define NX_IP_CLASS_C_MASK ((ULONG)0xE0000000)
#define NX_IP_CLASS_C_TYPE ((ULONG)0xC0000000)
#define NX_IP_LIMITED_BROADCAST ((ULONG)0xFFFFFFFF)
#define NX_IP_LOOPBACK_FIRST ((ULONG)0x7F000000)
#define NX_IP_LOOPBACK_LAST ((ULONG)0x7FFFFFFF)

#define NX_IP_VERSION_V4 0x4
#define NX_IP_VERSION_V6 0x6
#define IP_ADDRESS(a, b, c, d)                                                                               \
    ((((ULONG)(a)) << 24) | (((ULONG)(b)) << 16) | (((ULONG)(c)) << 8) | ((ULONG)(d)))

#define NX_IP_INITIALIZE_DONE ((ULONG)0x0001)
#define NX_IP_ADDRESS_RESOLVED ((ULONG)0x0002)
#define NX_IP_LINK_ENABLED ((ULONG)0x0004)
#define NX_IP_ARP_ENABLED ((ULONG)0x0008)
#define NX_IP_UDP_ENABLED ((ULONG)0x0010)
#define NX_IP_TCP_ENABLED ((ULONG)0x0020)
#define NX_IP_IGMP_ENABLED ((ULONG)0x0040)
#define NX_IP_RARP_COMPLETE ((ULONG)0x0080)
#define NX_IP_INTERFACE_LINK_ENABLED ((ULONG)0x0100)

#define NX_IPV6_ADDR_STATE_UNKNOWN 0x00
#define NX_IPV6_ADDR_STATE_TENTATIVE 0x01
#define NX_IPV6_ADDR_STATE_PREFERRED 0x02
#define NX_IPV6_ADDR_STATE_DEPRECATED 0x03
#define NX_IPV6_ADDR_STATE_VALID 0x04

#define NX_TCP_CLOSED 1
#define NX_TCP_LISTEN_STATE 2
#define NX_TCP_SYN_SENT 3
#define NX_TCP_SYN_RECEIVED 4
#define NX_TCP_ESTABLISHED 5
#define NX_TCP_CLOSE_WAIT 6
#define NX_TCP_FIN_WAIT_1 7
#define NX_TCP_FIN_WAIT_2 8
#define NX_TCP_CLOSING 9
#define NX_TCP_TIMED_WAIT 10
#define NX_TCP_LAST_ACK 11
#ifndef NX_TCP_MAXIMUM_TX_QUEUE
#define NX_TCP_MAXIMUM_TX_QUEUE 20
#endif
#ifndef NX_TCP_MAXIMUM_RETRIES
#define NX_TCP_MAXIMUM_RETRIES 10
#endif

#define NX_SUCCESS 0x00
#define NX_NO_PACKET 0x01
#define NX_UNDERFLOW 0x02
#define NX_OVERFLOW 0x03
#define NX_NO_MAPPING 0x04
#define NX_DELETED 0x05
#define NX_POOL_ERROR 0x06
#define NX_PTR_ERROR 0x07
#define NX_WAIT_ERROR 0x08
#define NX_SIZE_ERROR 0x09
#define NX_OPTION_ERROR 0x0a
#define NX_DELETE_ERROR 0x10
#define NX_CALLER_ERROR 0x11
#define NX_INVALID_PACKET 0x12
#define NX_INVALID_SOCKET 0x13
#define NX_NOT_ENABLED 0x14
#define NX_ALREADY_ENABLED 0x15
#define NX_ENTRY_NOT_FOUND 0x16
#define NX_NO_MORE_ENTRIES 0x17
#define NX_ARP_TIMER_ERROR 0x18
#define NX_RESERVED_CODE0 0x19
#define NX_WAIT_ABORTED 0x1A
#define NX_IP_INTERNAL_ERROR 0x20
#define NX_IP_ADDRESS_ERROR 0x21
#define NX_ALREADY_BOUND 0x22
#define NX_PORT_UNAVAILABLE 0x23
#define NX_NOT_BOUND 0x24
#define NX_RESERVED_CODE1 0x25
#define NX_SOCKET_UNBOUND 0x26
#define NX_NOT_CREATED 0x27
#define NX_SOCKETS_BOUND 0x28
#define NX_NO_RESPONSE 0x29
#define NX_POOL_DELETED 0x30
#define NX_ALREADY_RELEASED 0x31
#define NX_RESERVED_CODE2 0x32
#define NX_MAX_LISTEN 0x33
#define NX_DUPLICATE_LISTEN 0x34
#define NX_NOT_CLOSED 0x35
#define NX_NOT_LISTEN_STATE 0x36
#define NX_IN_PROGRESS 0x37
#define NX_NOT_CONNECTED 0x38
#define NX_WINDOW_OVERFLOW 0x39
#define NX_ALREADY_SUSPENDED 0x40
#define NX_DISCONNECT_FAILED 0x41
#define NX_STILL_BOUND 0x42
#define NX_NOT_SUCCESSFUL 0x43
#define NX_UNHANDLED_COMMAND 0x44
#define NX_NO_FREE_PORTS 0x45
#define NX_INVALID_PORT 0x46
#define NX_INVALID_RELISTEN 0x47
#define NX_CONNECTION_PENDING 0x48
#define NX_TX_QUEUE_DEPTH 0x49
#define NX_NOT_IMPLEMENTED 0x4A
#define NX_NOT_SUPPORTED 0x4B
#define NX_INVALID_INTERFACE 0x4C
#define NX_INVALID_PARAMETERS 0x4D
#define NX_NOT_FOUND 0x4E
#define NX_CANNOT_START 0x4F
#define NX_NO_INTERFACE_ADDRESS 0x50
#define NX_INVALID_MTU_DATA 0x51
#define NX_DUPLICATED_ENTRY 0x52
#define NX_PACKET_OFFSET_ERROR 0x53
#define NX_OPTION_HEADER_ERROR 0x54
#define NX_CONTINUE 0x55
#define NX_TCPIP_OFFLOAD_ERROR 0x56

#define NX_LINK_PACKET_SEND 0
#define NX_LINK_INITIALIZE 1
#define NX_LINK_ENABLE 2
#define NX_LINK_DISABLE 3
#define NX_LINK_GET_STATUS 10
#define NX_LINK_GET_SPEED 11
#define NX_LINK_GET_DUPLEX_TYPE 12

#ifndef NX_MAX_PHYSICAL_INTERFACES
#define NX_MAX_PHYSICAL_INTERFACES 1
#endif
#ifndef NX_MAX_IPV6_ADDRESSES
#define NX_MAX_IPV6_ADDRESSES (NX_MAX_PHYSICAL_INTERFACES * 3)
#endif

typedef struct NXD_ADDRESS_STRUCT {
    ULONG nxd_ip_version; /* NX_IP_VERSION_V4 or NX_IP_VERSION_V6 */
    union {
#ifndef NX_DISABLE_IPV4
        ULONG v4; /* host byte order */
#endif
#ifdef FEATURE_NX_IPV6
        ULONG v6[4]; /* most significant word first, each in host byte order */
#endif
    } nxd_ip_address;
} NXD_ADDRESS;

struct NX_PACKET_POOL_STRUCT;
struct NX_INTERFACE_STRUCT;
struct NX_IP_STRUCT;
struct NX_IP_DRIVER_STRUCT;
struct NX_TCP_SOCKET_STRUCT;

/* Data lies between nx_packet_prepend_ptr and nx_packet_append_ptr; nx_packet_length counts the whole chain
   and is kept in the first packet only. */
typedef struct NX_PACKET_STRUCT {
    struct NX_PACKET_POOL_STRUCT* nx_packet_pool_owner;
#ifndef NX_DISABLE_PACKET_CHAIN
    struct NX_PACKET_STRUCT* nx_packet_next;
    struct NX_PACKET_STRUCT* nx_packet_last;
#endif
    UCHAR* nx_packet_prepend_ptr;
    UCHAR* nx_packet_append_ptr;
    UCHAR* nx_packet_data_start;
    UCHAR* nx_packet_data_end;
    struct NX_PACKET_STRUCT* nx_packet_queue_next;
    union {
        struct NX_PACKET_STRUCT* nx_packet_tcp_queue_next;
        struct NX_PACKET_STRUCT* nx_packet_fragment_next;
    } nx_packet_union_next;
    ULONG nx_packet_length;
    UCHAR nx_packet_ip_version;
    UCHAR nx_packet_ip_header_length;
    union {
        struct NX_INTERFACE_STRUCT* nx_packet_interface_ptr;
    } nx_packet_address;
#define nx_packet_ip_interface nx_packet_address.nx_packet_interface_ptr
    UCHAR* nx_packet_ip_header;
    ULONG64 nx_packet_hosted_sequence; /* in the transmit queue: the stream offset behind its last byte */
} NX_PACKET;

typedef struct NX_PACKET_POOL_STRUCT {
    ULONG nx_packet_pool_id;
    CHAR* nx_packet_pool_name;
    ULONG nx_packet_pool_available;
    ULONG nx_packet_pool_total;
    ULONG nx_packet_pool_empty_requests;
    ULONG nx_packet_pool_empty_suspensions;
    ULONG nx_packet_pool_invalid_releases;
    struct NX_PACKET_STRUCT* nx_packet_pool_available_list;
    CHAR* nx_packet_pool_start;
    ULONG nx_packet_pool_size;
    ULONG nx_packet_pool_payload_size;
    TX_HOSTED_QUEUE nx_packet_pool_waiting;
    struct NX_PACKET_POOL_STRUCT* nx_packet_pool_created_next;
    ULONG nx_packet_pool_hosted_stride;
    ULONG nx_packet_pool_hosted_peak;
    ULONG nx_packet_pool_hosted_allocations;
    ULONG nx_packet_pool_hosted_failures;
    ULONG nx_packet_pool_hosted_releases;
    ULONG nx_packet_pool_hosted_double_releases;
    ULONG nx_packet_pool_hosted_requests;
    ULONG nx_packet_pool_hosted_fail_first;
    ULONG nx_packet_pool_hosted_fail_last;
    ULONG64 nx_packet_pool_hosted_dry_until;
} NX_PACKET_POOL;

/* Storage an ARP cache entry takes; nothing is kept in it. */
typedef struct NX_ARP_STRUCT {
    ULONG nx_arp_ip_address;
    ULONG nx_arp_physical_address_msw;
    ULONG nx_arp_physical_address_lsw;
} NX_ARP;

typedef struct NXD_IPV6_ADDRESS_STRUCT {
    UCHAR nxd_ipv6_address_valid;
    UCHAR nxd_ipv6_address_state;
    UCHAR nxd_ipv6_address_prefix_length;
    UCHAR nxd_ipv6_address_index;
    ULONG nxd_ipv6_address[4];
} NXD_IPV6_ADDRESS;

typedef struct NX_INTERFACE_STRUCT {
    CHAR* nx_interface_name;
    UCHAR nx_interface_valid;
    UCHAR nx_interface_link_up;
    UCHAR nx_interface_index;
    ULONG nx_interface_physical_address_msw;
    ULONG nx_interface_physical_address_lsw;
    ULONG nx_interface_ip_address;
    ULONG nx_interface_ip_network_mask;
    ULONG nx_interface_ip_network;
    ULONG nx_interface_ip_mtu_size;
    VOID* nx_interface_additional_link_info;
    VOID (*nx_interface_link_driver_entry)(struct NX_IP_DRIVER_STRUCT*);
} NX_INTERFACE;

typedef struct NX_IP_STRUCT {
    ULONG nx_ip_id;
    CHAR* nx_ip_name;
    NX_INTERFACE nx_ip_interface[NX_MAX_PHYSICAL_INTERFACES];
#define nx_ip_address nx_ip_interface[0].nx_interface_ip_address
#define nx_ip_network_mask nx_ip_interface[0].nx_interface_ip_network_mask
#define nx_ip_network nx_ip_interface[0].nx_interface_ip_network
#define nx_ip_driver_mtu nx_ip_interface[0].nx_interface_ip_mtu_size
#define nx_ip_driver_link_up nx_ip_interface[0].nx_interface_link_up
    ULONG nx_ip_gateway_address;
    NXD_IPV6_ADDRESS nx_ipv6_address[NX_MAX_IPV6_ADDRESSES];
    NX_PACKET_POOL* nx_ip_default_packet_pool;
    ULONG nx_ip_enabled; /* NX_IP_*_ENABLED bits */
    UINT nx_ip_ipv6_enabled;
    ULONG nx_ip_total_packets_sent;
    ULONG nx_ip_total_bytes_sent;
    ULONG nx_ip_total_packets_received;
    ULONG nx_ip_total_bytes_received;
    struct NX_TCP_SOCKET_STRUCT* nx_ip_tcp_created_sockets_ptr;
    ULONG nx_ip_tcp_created_sockets_count;
    VOID* nx_ip_hosted;
    struct NX_IP_STRUCT* nx_ip_created_next;
} NX_IP;

/* What NetX hands to a link driver. Drivers are named in nx_ip_create and never called: the kernel is the
 * link. */
typedef struct NX_IP_DRIVER_STRUCT {
    UINT nx_ip_driver_command;
    UINT nx_ip_driver_status;
    ULONG nx_ip_driver_physical_address_msw;
    ULONG nx_ip_driver_physical_address_lsw;
    NX_PACKET* nx_ip_driver_packet;
    ULONG* nx_ip_driver_return_ptr;
    NX_IP* nx_ip_driver_ptr;
    NX_INTERFACE* nx_ip_driver_interface;
} NX_IP_DRIVER;

typedef struct NX_TCP_SOCKET_STRUCT {
    ULONG nx_tcp_socket_id;
    CHAR* nx_tcp_socket_name;
    UINT nx_tcp_socket_client_type;
    UINT nx_tcp_socket_port;
    UINT nx_tcp_socket_state;
    NXD_ADDRESS nx_tcp_socket_connect_ip;
    UINT nx_tcp_socket_connect_port;
    ULONG nx_tcp_socket_mss;
    ULONG nx_tcp_socket_connect_mss;
    ULONG nx_tcp_socket_rx_window_default;
    ULONG nx_tcp_socket_packets_sent;
    ULONG nx_tcp_socket_bytes_sent;
    ULONG nx_tcp_socket_packets_received;
    ULONG nx_tcp_socket_bytes_received;
    ULONG nx_tcp_socket_type_of_service;
    UINT nx_tcp_socket_time_to_live;
    ULONG nx_tcp_socket_fragment_enable;
    NX_IP* nx_tcp_socket_ip_ptr;
    NX_PACKET* nx_tcp_socket_receive_queue_head;
    NX_PACKET* nx_tcp_socket_receive_queue_tail;
    ULONG nx_tcp_socket_receive_queue_count;
    ULONG nx_tcp_socket_receive_queue_bytes;
    NX_PACKET* nx_tcp_socket_transmit_sent_head;
    NX_PACKET* nx_tcp_socket_transmit_sent_tail;
    ULONG nx_tcp_socket_transmit_sent_count;
    ULONG nx_tcp_socket_transmit_queue_maximum;
    ULONG nx_tcp_socket_timeout_rate;
    ULONG nx_tcp_socket_timeout_max_retries;
    ULONG nx_tcp_socket_timeout_shift;
    VOID (*nx_tcp_urgent_data_callback)(struct NX_TCP_SOCKET_STRUCT*);
    VOID (*nx_tcp_disconnect_callback)(struct NX_TCP_SOCKET_STRUCT*);
    VOID (*nx_tcp_receive_callback)(struct NX_TCP_SOCKET_STRUCT*);
    VOID (*nx_tcp_establish_notify)(struct NX_TCP_SOCKET_STRUCT*);
    VOID (*nx_tcp_disconnect_complete_notify)(struct NX_TCP_SOCKET_STRUCT*);
    VOID (*nx_tcp_socket_window_update_notify)(struct NX_TCP_SOCKET_STRUCT*);
    VOID* nx_tcp_socket_reserved_ptr; /* the application's */
    TX_HOSTED_QUEUE nx_tcp_socket_receivers;
    TX_HOSTED_QUEUE nx_tcp_socket_senders;
    UINT nx_tcp_socket_hosted_bound; /* 0 no, 1 yes, 2 waiting for the port */
    UINT nx_tcp_socket_hosted_any_port;
    int nx_tcp_socket_hosted_fd;
    UINT nx_tcp_socket_hosted_established; /* it stood, whatever has become of it since */
    UINT nx_tcp_socket_hosted_ended;       /* the peer's FIN was read */
    UINT nx_tcp_socket_hosted_blocked;     /* a sender waits for the kernel to take more */
    UINT nx_tcp_socket_hosted_sending;
    UINT nx_tcp_socket_hosted_stalled;
    ULONG64 nx_tcp_socket_hosted_given_up; /* the tick at which a goodbye on a dead link is given up */
    UINT nx_tcp_socket_hosted_starved;     /* data is there and no packet for it */
    ULONG64 nx_tcp_socket_hosted_written;
    ULONG64 nx_tcp_socket_hosted_read;
    struct NX_TCP_SOCKET_STRUCT* nx_tcp_socket_created_next;
} NX_TCP_SOCKET;

#define nxd_ipv6_global_address_set(i, a, p) nxd_ipv6_address_set(i, 0, a, p, NX_NULL)
#define nxd_ipv6_linklocal_address_set(i, a) nxd_ipv6_address_set(i, 0, a, 10, NX_NULL)

VOID _nx_system_initialize(VOID);
#define nx_system_initialize _nx_system_initialize

/* ARP, ICMP */
UINT _nx_arp_enable(NX_IP* ip_ptr, VOID* arp_cache_memory, ULONG arp_cache_size);
UINT _nxe_arp_enable(NX_IP* ip_ptr, VOID* arp_cache_memory, ULONG arp_cache_size);
UINT _nx_icmp_enable(NX_IP* ip_ptr);
UINT _nxe_icmp_enable(NX_IP* ip_ptr);
UINT _nxd_icmp_enable(NX_IP* ip_ptr);
UINT _nxde_icmp_enable(NX_IP* ip_ptr);
UINT _nx_udp_enable(NX_IP* ip_ptr);
UINT _nxe_udp_enable(NX_IP* ip_ptr);

/* IP instances */
UINT _nx_ip_address_get(NX_IP* ip_ptr, ULONG* ip_address, ULONG* network_mask);
UINT _nxe_ip_address_get(NX_IP* ip_ptr, ULONG* ip_address, ULONG* network_mask);
UINT _nx_ip_address_set(NX_IP* ip_ptr, ULONG ip_address, ULONG network_mask);
UINT _nxe_ip_address_set(NX_IP* ip_ptr, ULONG ip_address, ULONG network_mask);
UINT _nx_ip_delete(NX_IP* ip_ptr);
UINT _nxe_ip_delete(NX_IP* ip_ptr);
UINT _nx_ip_driver_direct_command(NX_IP* ip_ptr, UINT command, ULONG* return_value_ptr);
UINT _nxe_ip_driver_direct_command(NX_IP* ip_ptr, UINT command, ULONG* return_value_ptr);
UINT _nx_ip_fragment_disable(NX_IP* ip_ptr);
UINT _nxe_ip_fragment_disable(NX_IP* ip_ptr);
UINT _nx_ip_fragment_enable(NX_IP* ip_ptr);
UINT _nxe_ip_fragment_enable(NX_IP* ip_ptr);
UINT _nx_ip_gateway_address_clear(NX_IP* ip_ptr);
UINT _nxe_ip_gateway_address_clear(NX_IP* ip_ptr);
UINT _nx_ip_gateway_address_get(NX_IP* ip_ptr, ULONG* ip_address);
UINT _nxe_ip_gateway_address_get(NX_IP* ip_ptr, ULONG* ip_address);
UINT _nx_ip_gateway_address_set(NX_IP* ip_ptr, ULONG ip_address);
UINT _nxe_ip_gateway_address_set(NX_IP* ip_ptr, ULONG ip_address);
UINT _nx_ip_info_get(NX_IP* ip_ptr, ULONG* ip_total_packets_sent, ULONG* ip_total_bytes_sent,
                     ULONG* ip_total_packets_received, ULONG* ip_total_bytes_received,
                     ULONG* ip_invalid_packets, ULONG* ip_receive_packets_dropped,
                     ULONG* ip_receive_checksum_errors, ULONG* ip_send_packets_dropped,
                     ULONG* ip_total_fragments_sent, ULONG* ip_total_fragments_received);
UINT _nxe_ip_info_get(NX_IP* ip_ptr, ULONG* ip_total_packets_sent, ULONG* ip_total_bytes_sent,
                      ULONG* ip_total_packets_received, ULONG* ip_total_bytes_received,
                      ULONG* ip_invalid_packets, ULONG* ip_receive_packets_dropped,
                      ULONG* ip_receive_checksum_errors, ULONG* ip_send_packets_dropped,
                      ULONG* ip_total_fragments_sent, ULONG* ip_total_fragments_received);
UINT _nx_ip_interface_address_get(NX_IP* ip_ptr, UINT interface_index, ULONG* ip_address,
                                  ULONG* network_mask);
UINT _nxe_ip_interface_address_get(NX_IP* ip_ptr, UINT interface_index, ULONG* ip_address,
                                   ULONG* network_mask);
UINT _nx_ip_interface_address_set(NX_IP* ip_ptr, UINT interface_index, ULONG ip_address, ULONG network_mask);
UINT _nxe_ip_interface_address_set(NX_IP* ip_ptr, UINT interface_index, ULONG ip_address, ULONG network_mask);
UINT _nx_ip_interface_info_get(NX_IP* ip_ptr, UINT interface_index, CHAR** interface_name, ULONG* ip_address,
                               ULONG* network_mask, ULONG* mtu_size, ULONG* physical_address_msw,
                               ULONG* physical_address_lsw);
UINT _nxe_ip_interface_info_get(NX_IP* ip_ptr, UINT interface_index, CHAR** interface_name, ULONG* ip_address,
                                ULONG* network_mask, ULONG* mtu_size, ULONG* physical_address_msw,
                                ULONG* physical_address_lsw);
UINT _nx_ip_interface_mtu_set(NX_IP* ip_ptr, UINT interface_index, ULONG mtu_size);
UINT _nxe_ip_interface_mtu_set(NX_IP* ip_ptr, UINT interface_index, ULONG mtu_size);
UINT _nx_ip_interface_status_check(NX_IP* ip_ptr, UINT interface_index, ULONG needed_status,
                                   ULONG* actual_status, ULONG wait_option);
UINT _nxe_ip_interface_status_check(NX_IP* ip_ptr, UINT interface_index, ULONG needed_status,
                                    ULONG* actual_status, ULONG wait_option);
UINT _nx_ip_status_check(NX_IP* ip_ptr, ULONG needed_status, ULONG* actual_status, ULONG wait_option);
UINT _nxe_ip_status_check(NX_IP* ip_ptr, ULONG needed_status, ULONG* actual_status, ULONG wait_option);
UINT _nxd_ipv6_address_delete(NX_IP* ip_ptr, UINT address_index);
UINT _nxde_ipv6_address_delete(NX_IP* ip_ptr, UINT address_index);
UINT _nxd_ipv6_address_get(NX_IP* ip_ptr, UINT address_index, NXD_ADDRESS* ip_address, ULONG* prefix_length,
                           UINT* interface_index);
UINT _nxde_ipv6_address_get(NX_IP* ip_ptr, UINT address_index, NXD_ADDRESS* ip_address, ULONG* prefix_length,
                            UINT* interface_index);
UINT _nxd_ipv6_address_set(NX_IP* ip_ptr, UINT interface_index, NXD_ADDRESS* ip_address, ULONG prefix_length,
                           UINT* address_index);
UINT _nxde_ipv6_address_set(NX_IP* ip_ptr, UINT interface_index, NXD_ADDRESS* ip_address, ULONG prefix_length,
                            UINT* address_index);
UINT _nxd_ipv6_default_router_add(NX_IP* ip_ptr, NXD_ADDRESS* router_addr, ULONG router_lifetime,
                                  UINT interface_index);
UINT _nxde_ipv6_default_router_add(NX_IP* ip_ptr, NXD_ADDRESS* router_addr, ULONG router_lifetime,
                                   UINT interface_index);
UINT _nxd_ipv6_disable(NX_IP* ip_ptr);
UINT _nxde_ipv6_disable(NX_IP* ip_ptr);
UINT _nxd_ipv6_enable(NX_IP* ip_ptr);
UINT _nxde_ipv6_enable(NX_IP* ip_ptr);

/* Packets */
UINT _nx_packet_allocate(NX_PACKET_POOL* pool_ptr, NX_PACKET** packet_ptr, ULONG packet_type,
                         ULONG wait_option);
UINT _nxe_packet_allocate(NX_PACKET_POOL* pool_ptr, NX_PACKET** packet_ptr, ULONG packet_type,
                          ULONG wait_option);
UINT _nx_packet_copy(NX_PACKET* packet_ptr, NX_PACKET** new_packet_ptr, NX_PACKET_POOL* pool_ptr,
                     ULONG wait_option);
UINT _nxe_packet_copy(NX_PACKET* packet_ptr, NX_PACKET** new_packet_ptr, NX_PACKET_POOL* pool_ptr,
                      ULONG wait_option);
UINT _nx_packet_data_append(NX_PACKET* packet_ptr, VOID* data_start, ULONG data_size,
                            NX_PACKET_POOL* pool_ptr, ULONG wait_option);
UINT _nxe_packet_data_append(NX_PACKET* packet_ptr, VOID* data_start, ULONG data_size,
                             NX_PACKET_POOL* pool_ptr, ULONG wait_option);
UINT _nx_packet_data_extract_offset(NX_PACKET* packet_ptr, ULONG offset, VOID* buffer_start,
                                    ULONG buffer_length, ULONG* bytes_copied);
UINT _nxe_packet_data_extract_offset(NX_PACKET* packet_ptr, ULONG offset, VOID* buffer_start,
                                     ULONG buffer_length, ULONG* bytes_copied);
UINT _nx_packet_data_retrieve(NX_PACKET* packet_ptr, VOID* buffer_start, ULONG* bytes_copied);
UINT _nxe_packet_data_retrieve(NX_PACKET* packet_ptr, VOID* buffer_start, ULONG* bytes_copied);
UINT _nx_packet_length_get(NX_PACKET* packet_ptr, ULONG* length);
UINT _nxe_packet_length_get(NX_PACKET* packet_ptr, ULONG* length);
UINT _nx_packet_pool_delete(NX_PACKET_POOL* pool_ptr);
UINT _nxe_packet_pool_delete(NX_PACKET_POOL* pool_ptr);
UINT _nx_packet_pool_info_get(NX_PACKET_POOL* pool_ptr, ULONG* total_packets, ULONG* free_packets,
                              ULONG* empty_pool_requests, ULONG* empty_pool_suspensions,
                              ULONG* invalid_packet_releases);
UINT _nxe_packet_pool_info_get(NX_PACKET_POOL* pool_ptr, ULONG* total_packets, ULONG* free_packets,
                               ULONG* empty_pool_requests, ULONG* empty_pool_suspensions,
                               ULONG* invalid_packet_releases);

/* TCP client sockets */
UINT _nx_tcp_client_socket_bind(NX_TCP_SOCKET* socket_ptr, UINT port, ULONG wait_option);
UINT _nxe_tcp_client_socket_bind(NX_TCP_SOCKET* socket_ptr, UINT port, ULONG wait_option);
UINT _nx_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, ULONG server_ip, UINT server_port,
                                   ULONG wait_option);
UINT _nxe_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, ULONG server_ip, UINT server_port,
                                    ULONG wait_option);
UINT _nx_tcp_client_socket_port_get(NX_TCP_SOCKET* socket_ptr, UINT* port_ptr);
UINT _nxe_tcp_client_socket_port_get(NX_TCP_SOCKET* socket_ptr, UINT* port_ptr);
UINT _nx_tcp_client_socket_unbind(NX_TCP_SOCKET* socket_ptr);
UINT _nxe_tcp_client_socket_unbind(NX_TCP_SOCKET* socket_ptr);
UINT _nx_tcp_enable(NX_IP* ip_ptr);
UINT _nxe_tcp_enable(NX_IP* ip_ptr);
UINT _nx_tcp_free_port_find(NX_IP* ip_ptr, UINT port, UINT* free_port_ptr);
UINT _nxe_tcp_free_port_find(NX_IP* ip_ptr, UINT port, UINT* free_port_ptr);
UINT _nx_tcp_socket_bytes_available(NX_TCP_SOCKET* socket_ptr, ULONG* bytes_available);
UINT _nxe_tcp_socket_bytes_available(NX_TCP_SOCKET* socket_ptr, ULONG* bytes_available);
UINT _nx_tcp_socket_delete(NX_TCP_SOCKET* socket_ptr);
UINT _nxe_tcp_socket_delete(NX_TCP_SOCKET* socket_ptr);
UINT _nx_tcp_socket_disconnect(NX_TCP_SOCKET* socket_ptr, ULONG wait_option);
UINT _nxe_tcp_socket_disconnect(NX_TCP_SOCKET* socket_ptr, ULONG wait_option);
UINT _nx_tcp_socket_disconnect_complete_notify(NX_TCP_SOCKET* socket_ptr,
                                               VOID (*tcp_disconnect_complete_notify)(NX_TCP_SOCKET*));
UINT _nxe_tcp_socket_disconnect_complete_notify(NX_TCP_SOCKET* socket_ptr,
                                                VOID (*tcp_disconnect_complete_notify)(NX_TCP_SOCKET*));
UINT _nx_tcp_socket_establish_notify(NX_TCP_SOCKET* socket_ptr, VOID (*tcp_establish_notify)(NX_TCP_SOCKET*));
UINT _nxe_tcp_socket_establish_notify(NX_TCP_SOCKET* socket_ptr,
                                      VOID (*tcp_establish_notify)(NX_TCP_SOCKET*));
UINT _nx_tcp_socket_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* tcp_packets_sent, ULONG* tcp_bytes_sent,
                             ULONG* tcp_packets_received, ULONG* tcp_bytes_received,
                             ULONG* tcp_retransmit_packets, ULONG* tcp_packets_queued,
                             ULONG* tcp_checksum_errors, ULONG* tcp_socket_state,
                             ULONG* tcp_transmit_queue_depth, ULONG* tcp_transmit_window,
                             ULONG* tcp_receive_window);
UINT _nxe_tcp_socket_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* tcp_packets_sent, ULONG* tcp_bytes_sent,
                              ULONG* tcp_packets_received, ULONG* tcp_bytes_received,
                              ULONG* tcp_retransmit_packets, ULONG* tcp_packets_queued,
                              ULONG* tcp_checksum_errors, ULONG* tcp_socket_state,
                              ULONG* tcp_transmit_queue_depth, ULONG* tcp_transmit_window,
                              ULONG* tcp_receive_window);
UINT _nx_tcp_socket_mss_get(NX_TCP_SOCKET* socket_ptr, ULONG* mss);
UINT _nxe_tcp_socket_mss_get(NX_TCP_SOCKET* socket_ptr, ULONG* mss);
UINT _nx_tcp_socket_mss_peer_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_mss);
UINT _nxe_tcp_socket_mss_peer_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_mss);
UINT _nx_tcp_socket_mss_set(NX_TCP_SOCKET* socket_ptr, ULONG mss);
UINT _nxe_tcp_socket_mss_set(NX_TCP_SOCKET* socket_ptr, ULONG mss);
UINT _nx_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_ip_address, ULONG* peer_port);
UINT _nxe_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_ip_address, ULONG* peer_port);
UINT _nx_tcp_socket_receive(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr, ULONG wait_option);
UINT _nxe_tcp_socket_receive(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr, ULONG wait_option);
UINT _nx_tcp_socket_receive_notify(NX_TCP_SOCKET* socket_ptr, VOID (*tcp_receive_notify)(NX_TCP_SOCKET*));
UINT _nxe_tcp_socket_receive_notify(NX_TCP_SOCKET* socket_ptr, VOID (*tcp_receive_notify)(NX_TCP_SOCKET*));
UINT _nx_tcp_socket_state_wait(NX_TCP_SOCKET* socket_ptr, UINT desired_state, ULONG wait_option);
UINT _nxe_tcp_socket_state_wait(NX_TCP_SOCKET* socket_ptr, UINT desired_state, ULONG wait_option);
UINT _nx_tcp_socket_transmit_configure(NX_TCP_SOCKET* socket_ptr, ULONG max_queue_depth, ULONG timeout,
                                       ULONG max_retries, ULONG timeout_shift);
UINT _nxe_tcp_socket_transmit_configure(NX_TCP_SOCKET* socket_ptr, ULONG max_queue_depth, ULONG timeout,
                                        ULONG max_retries, ULONG timeout_shift);
UINT _nx_tcp_socket_window_update_notify_set(NX_TCP_SOCKET* socket_ptr,
                                             VOID (*tcp_window_update_notify)(NX_TCP_SOCKET*));
UINT _nxe_tcp_socket_window_update_notify_set(NX_TCP_SOCKET* socket_ptr,
                                              VOID (*tcp_window_update_notify)(NX_TCP_SOCKET*));
UINT _nxd_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* server_ip, UINT server_port,
                                    ULONG wait_option);
UINT _nxde_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* server_ip, UINT server_port,
                                     ULONG wait_option);
UINT _nxd_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* peer_ip_address, ULONG* peer_port);
UINT _nxde_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* peer_ip_address,
                                    ULONG* peer_port);

/* Services whose checked front end has another shape: it is told the control block's size, or is lent the
   caller's pointer, to clear it once the packet is gone. */
UINT _nx_ip_create(NX_IP* ip_ptr, CHAR* name, ULONG ip_address, ULONG network_mask,
                   NX_PACKET_POOL* default_pool, VOID (*ip_link_driver)(NX_IP_DRIVER*), VOID* memory_ptr,
                   ULONG memory_size, UINT priority);
UINT _nxe_ip_create(NX_IP* ip_ptr, CHAR* name, ULONG ip_address, ULONG network_mask,
                    NX_PACKET_POOL* default_pool, VOID (*ip_link_driver)(NX_IP_DRIVER*), VOID* memory_ptr,
                    ULONG memory_size, UINT priority, UINT ip_control_block_size);
UINT _nx_packet_pool_create(NX_PACKET_POOL* pool_ptr, CHAR* name, ULONG payload_size, VOID* memory_ptr,
                            ULONG memory_size);
UINT _nxe_packet_pool_create(NX_PACKET_POOL* pool_ptr, CHAR* name, ULONG payload_size, VOID* memory_ptr,
                             ULONG memory_size, UINT pool_control_block_size);
UINT _nx_packet_release(NX_PACKET* packet_ptr);
UINT _nxe_packet_release(NX_PACKET** packet_ptr_ptr);
UINT _nx_packet_transmit_release(NX_PACKET* packet_ptr);
UINT _nxe_packet_transmit_release(NX_PACKET** packet_ptr_ptr);
UINT _nx_tcp_socket_create(NX_IP* ip_ptr, NX_TCP_SOCKET* socket_ptr, CHAR* name, ULONG type_of_service,
                           ULONG fragment, UINT time_to_live, ULONG window_size,
                           VOID (*tcp_urgent_data_callback)(NX_TCP_SOCKET*),
                           VOID (*tcp_disconnect_callback)(NX_TCP_SOCKET*));
UINT _nxe_tcp_socket_create(NX_IP* ip_ptr, NX_TCP_SOCKET* socket_ptr, CHAR* name, ULONG type_of_service,
                            ULONG fragment, UINT time_to_live, ULONG window_size,
                            VOID (*tcp_urgent_data_callback)(NX_TCP_SOCKET*),
                            VOID (*tcp_disconnect_callback)(NX_TCP_SOCKET*), UINT tcp_socket_size);
UINT _nx_tcp_socket_send(NX_TCP_SOCKET* socket_ptr, NX_PACKET* packet_ptr, ULONG wait_option);
UINT _nxe_tcp_socket_send(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr_ptr, ULONG wait_option);

UINT _nx_utility_string_length_check(CHAR* input_string, UINT* string_length, UINT max_string_length);

#ifdef NX_DISABLE_ERROR_CHECKING
#define nx_arp_enable _nx_arp_enable
#define nx_icmp_enable _nx_icmp_enable
#define nxd_icmp_enable _nxd_icmp_enable
#define nx_udp_enable _nx_udp_enable
#define nx_ip_address_get _nx_ip_address_get
#define nx_ip_address_set _nx_ip_address_set
#define nx_ip_delete _nx_ip_delete
#define nx_ip_driver_direct_command _nx_ip_driver_direct_command
#define nx_ip_fragment_disable _nx_ip_fragment_disable
#define nx_ip_fragment_enable _nx_ip_fragment_enable
#define nx_ip_gateway_address_clear _nx_ip_gateway_address_clear
#define nx_ip_gateway_address_get _nx_ip_gateway_address_get
#define nx_ip_gateway_address_set _nx_ip_gateway_address_set
#define nx_ip_info_get _nx_ip_info_get
#define nx_ip_interface_address_get _nx_ip_interface_address_get
#define nx_ip_interface_address_set _nx_ip_interface_address_set
#define nx_ip_interface_info_get _nx_ip_interface_info_get
#define nx_ip_interface_mtu_set _nx_ip_interface_mtu_set
#define nx_ip_interface_status_check _nx_ip_interface_status_check
#define nx_ip_status_check _nx_ip_status_check
#define nxd_ipv6_address_delete _nxd_ipv6_address_delete
#define nxd_ipv6_address_get _nxd_ipv6_address_get
#define nxd_ipv6_address_set _nxd_ipv6_address_set
#define nxd_ipv6_default_router_add _nxd_ipv6_default_router_add
#define nxd_ipv6_disable _nxd_ipv6_disable
#define nxd_ipv6_enable _nxd_ipv6_enable
#define nx_packet_allocate _nx_packet_allocate
#define nx_packet_copy _nx_packet_copy
#define nx_packet_data_append _nx_packet_data_append
#define nx_packet_data_extract_offset _nx_packet_data_extract_offset
#define nx_packet_data_retrieve _nx_packet_data_retrieve
#define nx_packet_length_get _nx_packet_length_get
#define nx_packet_pool_delete _nx_packet_pool_delete
#define nx_packet_pool_info_get _nx_packet_pool_info_get
#define nx_tcp_client_socket_bind _nx_tcp_client_socket_bind
#define nx_tcp_client_socket_connect _nx_tcp_client_socket_connect
#define nx_tcp_client_socket_port_get _nx_tcp_client_socket_port_get
#define nx_tcp_client_socket_unbind _nx_tcp_client_socket_unbind
#define nx_tcp_enable _nx_tcp_enable
#define nx_tcp_free_port_find _nx_tcp_free_port_find
#define nx_tcp_socket_bytes_available _nx_tcp_socket_bytes_available
#define nx_tcp_socket_delete _nx_tcp_socket_delete
#define nx_tcp_socket_disconnect _nx_tcp_socket_disconnect
#define nx_tcp_socket_disconnect_complete_notify _nx_tcp_socket_disconnect_complete_notify
#define nx_tcp_socket_establish_notify _nx_tcp_socket_establish_notify
#define nx_tcp_socket_info_get _nx_tcp_socket_info_get
#define nx_tcp_socket_mss_get _nx_tcp_socket_mss_get
#define nx_tcp_socket_mss_peer_get _nx_tcp_socket_mss_peer_get
#define nx_tcp_socket_mss_set _nx_tcp_socket_mss_set
#define nx_tcp_socket_peer_info_get _nx_tcp_socket_peer_info_get
#define nx_tcp_socket_receive _nx_tcp_socket_receive
#define nx_tcp_socket_receive_notify _nx_tcp_socket_receive_notify
#define nx_tcp_socket_state_wait _nx_tcp_socket_state_wait
#define nx_tcp_socket_transmit_configure _nx_tcp_socket_transmit_configure
#define nx_tcp_socket_window_update_notify_set _nx_tcp_socket_window_update_notify_set
#define nxd_tcp_client_socket_connect _nxd_tcp_client_socket_connect
#define nxd_tcp_socket_peer_info_get _nxd_tcp_socket_peer_info_get
#define nx_ip_create _nx_ip_create
#define nx_packet_pool_create _nx_packet_pool_create
#define nx_packet_release _nx_packet_release
#define nx_packet_transmit_release _nx_packet_transmit_release
#define nx_tcp_socket_create _nx_tcp_socket_create
#define nx_tcp_socket_send _nx_tcp_socket_send
#else
#define nx_arp_enable _nxe_arp_enable
#define nx_icmp_enable _nxe_icmp_enable
#define nxd_icmp_enable _nxde_icmp_enable
#define nx_udp_enable _nxe_udp_enable
#define nx_ip_address_get _nxe_ip_address_get
#define nx_ip_address_set _nxe_ip_address_set
#define nx_ip_delete _nxe_ip_delete
#define nx_ip_driver_direct_command _nxe_ip_driver_direct_command
#define nx_ip_fragment_disable _nxe_ip_fragment_disable
#define nx_ip_fragment_enable _nxe_ip_fragment_enable
#define nx_ip_gateway_address_clear _nxe_ip_gateway_address_clear
#define nx_ip_gateway_address_get _nxe_ip_gateway_address_get
#define nx_ip_gateway_address_set _nxe_ip_gateway_address_set
#define nx_ip_info_get _nxe_ip_info_get
#define nx_ip_interface_address_get _nxe_ip_interface_address_get
#define nx_ip_interface_address_set _nxe_ip_interface_address_set
#define nx_ip_interface_info_get _nxe_ip_interface_info_get
#define nx_ip_interface_mtu_set _nxe_ip_interface_mtu_set
#define nx_ip_interface_status_check _nxe_ip_interface_status_check
#define nx_ip_status_check _nxe_ip_status_check
#define nxd_ipv6_address_delete _nxde_ipv6_address_delete
#define nxd_ipv6_address_get _nxde_ipv6_address_get
#define nxd_ipv6_address_set _nxde_ipv6_address_set
#define nxd_ipv6_default_router_add _nxde_ipv6_default_router_add
#define nxd_ipv6_disable _nxde_ipv6_disable
#define nxd_ipv6_enable _nxde_ipv6_enable
#define nx_packet_allocate _nxe_packet_allocate
#define nx_packet_copy _nxe_packet_copy
#define nx_packet_data_append _nxe_packet_data_append
#define nx_packet_data_extract_offset _nxe_packet_data_extract_offset
#define nx_packet_data_retrieve _nxe_packet_data_retrieve
#define nx_packet_length_get _nxe_packet_length_get
#define nx_packet_pool_delete _nxe_packet_pool_delete
#define nx_packet_pool_info_get _nxe_packet_pool_info_get
#define nx_tcp_client_socket_bind _nxe_tcp_client_socket_bind
#define nx_tcp_client_socket_connect _nxe_tcp_client_socket_connect
#define nx_tcp_client_socket_port_get _nxe_tcp_client_socket_port_get
#define nx_tcp_client_socket_unbind _nxe_tcp_client_socket_unbind
#define nx_tcp_enable _nxe_tcp_enable
#define nx_tcp_free_port_find _nxe_tcp_free_port_find
#define nx_tcp_socket_bytes_available _nxe_tcp_socket_bytes_available
#define nx_tcp_socket_delete _nxe_tcp_socket_delete
#define nx_tcp_socket_disconnect _nxe_tcp_socket_disconnect
#define nx_tcp_socket_disconnect_complete_notify _nxe_tcp_socket_disconnect_complete_notify
#define nx_tcp_socket_establish_notify _nxe_tcp_socket_establish_notify
#define nx_tcp_socket_info_get _nxe_tcp_socket_info_get
#define nx_tcp_socket_mss_get _nxe_tcp_socket_mss_get
#define nx_tcp_socket_mss_peer_get _nxe_tcp_socket_mss_peer_get
#define nx_tcp_socket_mss_set _nxe_tcp_socket_mss_set
#define nx_tcp_socket_peer_info_get _nxe_tcp_socket_peer_info_get
#define nx_tcp_socket_receive _nxe_tcp_socket_receive
#define nx_tcp_socket_receive_notify _nxe_tcp_socket_receive_notify
#define nx_tcp_socket_state_wait _nxe_tcp_socket_state_wait
#define nx_tcp_socket_transmit_configure _nxe_tcp_socket_transmit_configure
#define nx_tcp_socket_window_update_notify_set _nxe_tcp_socket_window_update_notify_set
#define nxd_tcp_client_socket_connect _nxde_tcp_client_socket_connect
#define nxd_tcp_socket_peer_info_get _nxde_tcp_socket_peer_info_get
#define nx_ip_create(i, n, a, m, d, l, p, s, y) _nxe_ip_create(i, n, a, m, d, l, p, s, y, sizeof(NX_IP))
#define nx_packet_pool_create(p, n, l, m, s) _nxe_packet_pool_create(p, n, l, m, s, sizeof(NX_PACKET_POOL))
#define nx_packet_release(p) _nxe_packet_release(&(p))
#define nx_packet_transmit_release(p) _nxe_packet_transmit_release(&(p))
#define nx_tcp_socket_create(i, s, n, t, f, l, w, u, d)                                                      \
    _nxe_tcp_socket_create(i, s, n, t, f, l, w, u, d, sizeof(NX_TCP_SOCKET))
#define nx_tcp_socket_send(s, p, t) _nxe_tcp_socket_send(s, &(p), t)
#endif

#ifdef __cplusplus
}
#endif

/* NOLINTEND(bugprone-reserved-identifier) */

#endif
