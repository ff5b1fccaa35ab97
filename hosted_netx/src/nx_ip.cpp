// IP instances: what an application sets up and asks. Addresses, masks and gateways are kept and told, but
// the kernel's routes decide where packets go; the link is always up.
#include "sockets.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace postrider::hosted {

namespace {

constexpr ULONG ethernet_mtu = 1500;
constexpr ULONG all_ones = 0xFFFFFFFF;

bool is_ip(const NX_IP* ip) {
    return ip != nullptr && ip->nx_ip_id == NX_IP_ID;
}

void set_address(NX_INTERFACE& interface, ULONG address, ULONG mask) {
    interface.nx_interface_ip_address = address;
    interface.nx_interface_ip_network_mask = mask;
    interface.nx_interface_ip_network = address & mask;
}

bool is_unicast(ULONG address) {
    return address == 0 || (address & NX_IP_CLASS_A_MASK) == NX_IP_CLASS_A_TYPE ||
           (address & NX_IP_CLASS_B_MASK) == NX_IP_CLASS_B_TYPE ||
           (address & NX_IP_CLASS_C_MASK) == NX_IP_CLASS_C_TYPE;
}

ULONG status_of(const NX_IP& ip) {
    ULONG status =
        NX_IP_INITIALIZE_DONE | NX_IP_LINK_ENABLED | NX_IP_INTERFACE_LINK_ENABLED | ip.nx_ip_enabled;
    if (ip.nx_ip_interface[0].nx_interface_ip_address != 0)
        status |= NX_IP_ADDRESS_RESOLVED;
    return status;
}

UINT await_status(guard& held, const NX_IP& ip, ULONG needed, ULONG& actual, ULONG wait_option) {
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP, [&] {
        actual = status_of(ip);
        return (actual & needed) == needed;
    });
    if (result == wake::aborted)
        return NX_WAIT_ABORTED;
    return result == wake::ready ? NX_SUCCESS : NX_NOT_SUCCESSFUL;
}

UINT enable(const char* name, NX_IP* ip, ULONG bit) {
    return ask(name, [&](guard& /*held*/) -> UINT {
        ip->nx_ip_enabled |= bit;
        kernel().changed.notify_all();
        return NX_SUCCESS;
    });
}

#ifdef FEATURE_NX_IPV6
void store_v6(NXD_IPV6_ADDRESS& own, const NXD_ADDRESS* address) {
    if (address != nullptr) {
        std::memcpy(own.nxd_ipv6_address, address->nxd_ip_address.v6, sizeof own.nxd_ipv6_address);
        return;
    }
    // A link-local address, made up; on a device it comes from the hardware address.
    constexpr ULONG link_local = 0xFE800000;
    own.nxd_ipv6_address[0] = link_local;
    own.nxd_ipv6_address[1] = 0;
    own.nxd_ipv6_address[2] = 0x020000FF;
    own.nxd_ipv6_address[3] = 0xFE000001;
}

UINT add_v6(NX_IP& ip, const NXD_ADDRESS* address, ULONG prefix, UINT* index) {
    for (UINT i = 0; i < NX_MAX_IPV6_ADDRESSES; ++i) {
        auto& own = ip.nx_ipv6_address[i];
        if (own.nxd_ipv6_address_valid != 0)
            continue;
        store_v6(own, address);
        own.nxd_ipv6_address_valid = NX_TRUE;
        own.nxd_ipv6_address_state = NX_IPV6_ADDR_STATE_VALID;
        own.nxd_ipv6_address_prefix_length = static_cast<UCHAR>(prefix);
        own.nxd_ipv6_address_index = static_cast<UCHAR>(i);
        store(index, i);
        return NX_SUCCESS;
    }
    return NX_NO_MORE_ENTRIES;
}

void load_v6(const NXD_IPV6_ADDRESS& own, NXD_ADDRESS& address) {
    address = {};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    std::memcpy(address.nxd_ip_address.v6, own.nxd_ipv6_address, sizeof own.nxd_ipv6_address);
}
constexpr bool has_v6 = true;
#else
UINT add_v6(NX_IP& /*ip*/, const NXD_ADDRESS* /*address*/, ULONG /*prefix*/, UINT* /*index*/) {
    return NX_NOT_SUPPORTED;
}
void load_v6(const NXD_IPV6_ADDRESS& /*own*/, NXD_ADDRESS& /*address*/) {}
constexpr bool has_v6 = false;
#endif

// ARP and the IPv4 address services exist only in builds with IPv4.
#ifdef NX_DISABLE_IPV4
constexpr UINT v4_services = NX_NOT_SUPPORTED;
#else
constexpr UINT v4_services = NX_SUCCESS;
#endif

UINT check_new(const NX_IP* ip, ULONG address, const NX_PACKET_POOL* pool, bool has_driver,
               const void* memory, ULONG size, UINT priority) {
    if (ip == nullptr || !is_pool(pool) || !has_driver || memory == nullptr)
        return NX_PTR_ERROR;
    if (size < TX_MINIMUM_STACK)
        return NX_SIZE_ERROR;
    if (priority >= TX_MAX_PRIORITIES)
        return NX_OPTION_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().ips, ip, &NX_IP::nx_ip_created_next))
        return NX_PTR_ERROR;
    return is_unicast(address) ? NX_SUCCESS : NX_IP_ADDRESS_ERROR;
}

} // namespace

void stop_ips() {
    guard held(kernel().mutex);
    while (auto* ip = kernel().ips) {
        stop_link(held, *ip);
        for (auto* socket = ip->nx_ip_tcp_created_sockets_ptr; socket != nullptr;
             socket = socket->nx_tcp_socket_created_next)
            reset(held, *socket);
        ip->nx_ip_id = 0;
        unlink(kernel().ips, ip, &NX_IP::nx_ip_created_next);
    }
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

VOID _nx_system_initialize(VOID) {}

UINT _nx_ip_create(NX_IP* ip_ptr, CHAR* name, ULONG ip_address, ULONG network_mask,
                   NX_PACKET_POOL* default_pool, VOID (*ip_link_driver)(NX_IP_DRIVER*), VOID* /*memory_ptr*/,
                   ULONG /*memory_size*/, UINT /*priority*/) {
    return ask("nx_ip_create", [&](guard& /*held*/) -> UINT {
        *ip_ptr = {};
        ip_ptr->nx_ip_name = name;
        ip_ptr->nx_ip_default_packet_pool = default_pool;
        auto& interface = ip_ptr->nx_ip_interface[0];
        static CHAR interface_name[] = "PRI IF";
        interface.nx_interface_name = interface_name;
        interface.nx_interface_valid = NX_TRUE;
        interface.nx_interface_link_up = NX_TRUE;
        interface.nx_interface_ip_mtu_size = ethernet_mtu;
        interface.nx_interface_link_driver_entry = ip_link_driver;
        set_address(interface, ip_address, network_mask);
        ip_ptr->nx_ip_id = NX_IP_ID;
        link(kernel().ips, ip_ptr, &NX_IP::nx_ip_created_next);
        return NX_SUCCESS;
    });
}

UINT _nxe_ip_create(NX_IP* ip_ptr, CHAR* name, ULONG ip_address, ULONG network_mask,
                    NX_PACKET_POOL* default_pool, VOID (*ip_link_driver)(NX_IP_DRIVER*), VOID* memory_ptr,
                    ULONG memory_size, UINT priority, UINT ip_control_block_size) {
    if (ip_control_block_size != sizeof(NX_IP))
        return NX_PTR_ERROR;
    const UINT wrong = check_new(ip_ptr, ip_address, default_pool, ip_link_driver != nullptr, memory_ptr,
                                 memory_size, priority);
    if (wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_ip_create(ip_ptr, name, ip_address, network_mask, default_pool, ip_link_driver, memory_ptr,
                         memory_size, priority);
}

UINT _nx_ip_delete(NX_IP* ip_ptr) {
    return ask("nx_ip_delete", [&](guard& held) -> UINT {
        if (ip_ptr->nx_ip_tcp_created_sockets_count != 0)
            return NX_SOCKETS_BOUND;
        stop_link(held, *ip_ptr);
        ip_ptr->nx_ip_id = 0;
        unlink(kernel().ips, ip_ptr, &NX_IP::nx_ip_created_next);
        return NX_SUCCESS;
    });
}

UINT _nxe_ip_delete(NX_IP* ip_ptr) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_ip_delete(ip_ptr);
}

UINT _nx_ip_status_check(NX_IP* ip_ptr, ULONG needed_status, ULONG* actual_status, ULONG wait_option) {
    return ask("nx_ip_status_check", [&](guard& held) {
        return await_status(held, *ip_ptr, needed_status, *actual_status, wait_option);
    });
}

UINT _nxe_ip_status_check(NX_IP* ip_ptr, ULONG needed_status, ULONG* actual_status, ULONG wait_option) {
    if (!is_ip(ip_ptr) || actual_status == nullptr)
        return NX_PTR_ERROR;
    constexpr ULONG known = 0x1FF;
    if ((needed_status & ~known) != 0)
        return NX_OPTION_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_ip_status_check(ip_ptr, needed_status, actual_status, wait_option);
}

UINT _nx_ip_interface_status_check(NX_IP* ip_ptr, UINT interface_index, ULONG needed_status,
                                   ULONG* actual_status, ULONG wait_option) {
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    return _nx_ip_status_check(ip_ptr, needed_status, actual_status, wait_option);
}

UINT _nxe_ip_interface_status_check(NX_IP* ip_ptr, UINT interface_index, ULONG needed_status,
                                    ULONG* actual_status, ULONG wait_option) {
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    return _nxe_ip_status_check(ip_ptr, needed_status, actual_status, wait_option);
}

UINT _nx_ip_interface_address_get(NX_IP* ip_ptr, UINT interface_index, ULONG* ip_address,
                                  ULONG* network_mask) {
    return ask("nx_ip_interface_address_get", [&](guard& /*held*/) -> UINT {
        const auto& interface = ip_ptr->nx_ip_interface[interface_index];
        *ip_address = interface.nx_interface_ip_address;
        *network_mask = interface.nx_interface_ip_network_mask;
        return v4_services;
    });
}

UINT _nxe_ip_interface_address_get(NX_IP* ip_ptr, UINT interface_index, ULONG* ip_address,
                                   ULONG* network_mask) {
    if (!is_ip(ip_ptr) || ip_address == nullptr || network_mask == nullptr)
        return NX_PTR_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_ip_interface_address_get(ip_ptr, interface_index, ip_address, network_mask);
}

UINT _nx_ip_interface_address_set(NX_IP* ip_ptr, UINT interface_index, ULONG ip_address, ULONG network_mask) {
    return ask("nx_ip_interface_address_set", [&](guard& /*held*/) -> UINT {
        set_address(ip_ptr->nx_ip_interface[interface_index], ip_address, network_mask);
        kernel().changed.notify_all();
        return v4_services;
    });
}

UINT _nxe_ip_interface_address_set(NX_IP* ip_ptr, UINT interface_index, ULONG ip_address,
                                   ULONG network_mask) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    if (!is_unicast(ip_address))
        return NX_IP_ADDRESS_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_ip_interface_address_set(ip_ptr, interface_index, ip_address, network_mask);
}

UINT _nx_ip_address_get(NX_IP* ip_ptr, ULONG* address, ULONG* network_mask) {
    return _nx_ip_interface_address_get(ip_ptr, 0, address, network_mask);
}
UINT _nxe_ip_address_get(NX_IP* ip_ptr, ULONG* address, ULONG* network_mask) {
    return _nxe_ip_interface_address_get(ip_ptr, 0, address, network_mask);
}
UINT _nx_ip_address_set(NX_IP* ip_ptr, ULONG address, ULONG network_mask) {
    return _nx_ip_interface_address_set(ip_ptr, 0, address, network_mask);
}
UINT _nxe_ip_address_set(NX_IP* ip_ptr, ULONG address, ULONG network_mask) {
    return _nxe_ip_interface_address_set(ip_ptr, 0, address, network_mask);
}

UINT _nx_ip_interface_info_get(NX_IP* ip_ptr, UINT interface_index, CHAR** interface_name, ULONG* ip_address,
                               ULONG* network_mask, ULONG* mtu_size, ULONG* physical_address_msw,
                               ULONG* physical_address_lsw) {
    return ask("nx_ip_interface_info_get", [&](guard& /*held*/) -> UINT {
        const auto& interface = ip_ptr->nx_ip_interface[interface_index];
        store(interface_name, interface.nx_interface_name);
        store(ip_address, interface.nx_interface_ip_address);
        store(network_mask, interface.nx_interface_ip_network_mask);
        store(mtu_size, interface.nx_interface_ip_mtu_size);
        store(physical_address_msw, interface.nx_interface_physical_address_msw);
        store(physical_address_lsw, interface.nx_interface_physical_address_lsw);
        return NX_SUCCESS;
    });
}

UINT _nxe_ip_interface_info_get(NX_IP* ip_ptr, UINT interface_index, CHAR** interface_name, ULONG* ip_address,
                                ULONG* network_mask, ULONG* mtu_size, ULONG* physical_address_msw,
                                ULONG* physical_address_lsw) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    return _nx_ip_interface_info_get(ip_ptr, interface_index, interface_name, ip_address, network_mask,
                                     mtu_size, physical_address_msw, physical_address_lsw);
}

UINT _nx_ip_interface_mtu_set(NX_IP* ip_ptr, UINT interface_index, ULONG mtu_size) {
    return ask("nx_ip_interface_mtu_set", [&](guard& /*held*/) -> UINT {
        ip_ptr->nx_ip_interface[interface_index].nx_interface_ip_mtu_size = mtu_size;
        return NX_SUCCESS;
    });
}

UINT _nxe_ip_interface_mtu_set(NX_IP* ip_ptr, UINT interface_index, ULONG mtu_size) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    // Room for the headers of a segment, and one octet.
    if (mtu_size <= ipv6_header + tcp_header)
        return NX_INVALID_MTU_DATA;
    return _nx_ip_interface_mtu_set(ip_ptr, interface_index, mtu_size);
}

UINT _nx_ip_gateway_address_set(NX_IP* ip_ptr, ULONG ip_address) {
    return ask("nx_ip_gateway_address_set", [&](guard& /*held*/) -> UINT {
        ip_ptr->nx_ip_gateway_address = ip_address;
        return v4_services;
    });
}

UINT _nxe_ip_gateway_address_set(NX_IP* ip_ptr, ULONG ip_address) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (ip_address == 0 || ip_address == all_ones)
        return NX_IP_ADDRESS_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_ip_gateway_address_set(ip_ptr, ip_address);
}

UINT _nx_ip_gateway_address_get(NX_IP* ip_ptr, ULONG* ip_address) {
    return ask("nx_ip_gateway_address_get", [&](guard& /*held*/) -> UINT {
        *ip_address = ip_ptr->nx_ip_gateway_address;
        return *ip_address != 0 ? v4_services : NX_NOT_FOUND;
    });
}

UINT _nxe_ip_gateway_address_get(NX_IP* ip_ptr, ULONG* ip_address) {
    if (!is_ip(ip_ptr) || ip_address == nullptr)
        return NX_PTR_ERROR;
    return _nx_ip_gateway_address_get(ip_ptr, ip_address);
}

UINT _nx_ip_gateway_address_clear(NX_IP* ip_ptr) {
    return _nx_ip_gateway_address_set(ip_ptr, 0);
}

UINT _nxe_ip_gateway_address_clear(NX_IP* ip_ptr) {
    return is_ip(ip_ptr) ? _nx_ip_gateway_address_clear(ip_ptr) : NX_PTR_ERROR;
}

UINT _nx_ip_driver_direct_command(NX_IP* /*ip_ptr*/, UINT command, ULONG* return_value_ptr) {
    // There is no driver to ask; the one thing known is that the link is up.
    if (command != NX_LINK_GET_STATUS)
        return NX_UNHANDLED_COMMAND;
    *return_value_ptr = NX_TRUE;
    return NX_SUCCESS;
}

UINT _nxe_ip_driver_direct_command(NX_IP* ip_ptr, UINT command, ULONG* return_value_ptr) {
    if (!is_ip(ip_ptr) || return_value_ptr == nullptr)
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_ip_driver_direct_command(ip_ptr, command, return_value_ptr);
}

// The kernel fragments as it sees fit.
UINT _nx_ip_fragment_enable(NX_IP* /*ip_ptr*/) {
    return NX_SUCCESS;
}
UINT _nxe_ip_fragment_enable(NX_IP* ip_ptr) {
    return is_ip(ip_ptr) ? NX_SUCCESS : NX_PTR_ERROR;
}
UINT _nx_ip_fragment_disable(NX_IP* /*ip_ptr*/) {
    return NX_SUCCESS;
}
UINT _nxe_ip_fragment_disable(NX_IP* ip_ptr) {
    return is_ip(ip_ptr) ? NX_SUCCESS : NX_PTR_ERROR;
}

UINT _nx_ip_info_get(NX_IP* ip_ptr, ULONG* ip_total_packets_sent, ULONG* ip_total_bytes_sent,
                     ULONG* ip_total_packets_received, ULONG* ip_total_bytes_received,
                     ULONG* ip_invalid_packets, ULONG* ip_receive_packets_dropped,
                     ULONG* ip_receive_checksum_errors, ULONG* ip_send_packets_dropped,
                     ULONG* ip_total_fragments_sent, ULONG* ip_total_fragments_received) {
    return ask("nx_ip_info_get", [&](guard& /*held*/) -> UINT {
        store(ip_total_packets_sent, ip_ptr->nx_ip_total_packets_sent);
        store(ip_total_bytes_sent, ip_ptr->nx_ip_total_bytes_sent);
        store(ip_total_packets_received, ip_ptr->nx_ip_total_packets_received);
        store(ip_total_bytes_received, ip_ptr->nx_ip_total_bytes_received);
        for (auto* none : {ip_invalid_packets, ip_receive_packets_dropped, ip_receive_checksum_errors,
                           ip_send_packets_dropped, ip_total_fragments_sent, ip_total_fragments_received})
            store(none, ULONG{0});
        return NX_SUCCESS;
    });
}

UINT _nxe_ip_info_get(NX_IP* ip_ptr, ULONG* ip_total_packets_sent, ULONG* ip_total_bytes_sent,
                      ULONG* ip_total_packets_received, ULONG* ip_total_bytes_received,
                      ULONG* ip_invalid_packets, ULONG* ip_receive_packets_dropped,
                      ULONG* ip_receive_checksum_errors, ULONG* ip_send_packets_dropped,
                      ULONG* ip_total_fragments_sent, ULONG* ip_total_fragments_received) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_ip_info_get(ip_ptr, ip_total_packets_sent, ip_total_bytes_sent, ip_total_packets_received,
                           ip_total_bytes_received, ip_invalid_packets, ip_receive_packets_dropped,
                           ip_receive_checksum_errors, ip_send_packets_dropped, ip_total_fragments_sent,
                           ip_total_fragments_received);
}

UINT _nx_arp_enable(NX_IP* ip_ptr, VOID* /*arp_cache_memory*/, ULONG /*arp_cache_size*/) {
    const UINT status = enable("nx_arp_enable", ip_ptr, NX_IP_ARP_ENABLED);
    return status != NX_SUCCESS ? status : v4_services;
}

UINT _nxe_arp_enable(NX_IP* ip_ptr, VOID* arp_cache_memory, ULONG arp_cache_size) {
    if (!is_ip(ip_ptr) || arp_cache_memory == nullptr)
        return NX_PTR_ERROR;
    if ((ip_ptr->nx_ip_enabled & NX_IP_ARP_ENABLED) != 0)
        return NX_ALREADY_ENABLED;
    if (arp_cache_size < sizeof(NX_ARP))
        return NX_SIZE_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_arp_enable(ip_ptr, arp_cache_memory, arp_cache_size);
}

UINT _nx_udp_enable(NX_IP* ip_ptr) {
    return enable("nx_udp_enable", ip_ptr, NX_IP_UDP_ENABLED);
}

UINT _nxe_udp_enable(NX_IP* ip_ptr) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if ((ip_ptr->nx_ip_enabled & NX_IP_UDP_ENABLED) != 0)
        return NX_ALREADY_ENABLED;
    return _nx_udp_enable(ip_ptr);
}

// ICMP is the kernel's, always on.
UINT _nx_icmp_enable(NX_IP* ip_ptr) {
    return enable("nx_icmp_enable", ip_ptr, 0);
}
UINT _nxe_icmp_enable(NX_IP* ip_ptr) {
    return is_ip(ip_ptr) ? _nx_icmp_enable(ip_ptr) : NX_PTR_ERROR;
}
UINT _nxd_icmp_enable(NX_IP* ip_ptr) {
    return enable("nxd_icmp_enable", ip_ptr, 0);
}
UINT _nxde_icmp_enable(NX_IP* ip_ptr) {
    return is_ip(ip_ptr) ? _nxd_icmp_enable(ip_ptr) : NX_PTR_ERROR;
}

UINT _nxd_ipv6_enable(NX_IP* ip_ptr) {
    return ask("nxd_ipv6_enable", [&](guard& /*held*/) -> UINT {
        if (!has_v6)
            return NX_NOT_SUPPORTED;
        return std::exchange(ip_ptr->nx_ip_ipv6_enabled, UINT{NX_TRUE}) == NX_TRUE ? NX_ALREADY_ENABLED
                                                                                   : NX_SUCCESS;
    });
}

UINT _nxde_ipv6_enable(NX_IP* ip_ptr) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nxd_ipv6_enable(ip_ptr);
}

UINT _nxd_ipv6_disable(NX_IP* ip_ptr) {
    return ask("nxd_ipv6_disable", [&](guard& /*held*/) -> UINT {
        ip_ptr->nx_ip_ipv6_enabled = NX_FALSE;
        return has_v6 ? NX_SUCCESS : NX_NOT_SUPPORTED;
    });
}

UINT _nxde_ipv6_disable(NX_IP* ip_ptr) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nxd_ipv6_disable(ip_ptr);
}

UINT _nxd_ipv6_address_set(NX_IP* ip_ptr, UINT /*interface_index*/, NXD_ADDRESS* ip_address,
                           ULONG prefix_length, UINT* address_index) {
    return ask("nxd_ipv6_address_set",
               [&](guard& /*held*/) { return add_v6(*ip_ptr, ip_address, prefix_length, address_index); });
}

UINT _nxde_ipv6_address_set(NX_IP* ip_ptr, UINT interface_index, NXD_ADDRESS* ip_address, ULONG prefix_length,
                            UINT* address_index) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    constexpr ULONG longest_prefix = 128;
    if ((ip_address != nullptr && ip_address->nxd_ip_version != NX_IP_VERSION_V6) ||
        prefix_length > longest_prefix)
        return NX_IP_ADDRESS_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nxd_ipv6_address_set(ip_ptr, interface_index, ip_address, prefix_length, address_index);
}

UINT _nxd_ipv6_address_get(NX_IP* ip_ptr, UINT address_index, NXD_ADDRESS* ip_address, ULONG* prefix_length,
                           UINT* interface_index) {
    return ask("nxd_ipv6_address_get", [&](guard& /*held*/) -> UINT {
        const auto& own = ip_ptr->nx_ipv6_address[address_index];
        if (own.nxd_ipv6_address_valid == 0)
            return NX_NO_INTERFACE_ADDRESS;
        load_v6(own, *ip_address);
        *prefix_length = own.nxd_ipv6_address_prefix_length;
        *interface_index = 0;
        return has_v6 ? NX_SUCCESS : NX_NOT_SUPPORTED;
    });
}

UINT _nxde_ipv6_address_get(NX_IP* ip_ptr, UINT address_index, NXD_ADDRESS* ip_address, ULONG* prefix_length,
                            UINT* interface_index) {
    if (!is_ip(ip_ptr) || ip_address == nullptr || prefix_length == nullptr || interface_index == nullptr)
        return NX_PTR_ERROR;
    if (address_index >= NX_MAX_IPV6_ADDRESSES)
        return NX_NO_INTERFACE_ADDRESS;
    return _nxd_ipv6_address_get(ip_ptr, address_index, ip_address, prefix_length, interface_index);
}

UINT _nxd_ipv6_address_delete(NX_IP* ip_ptr, UINT address_index) {
    return ask("nxd_ipv6_address_delete", [&](guard& /*held*/) -> UINT {
        ip_ptr->nx_ipv6_address[address_index] = {};
        return has_v6 ? NX_SUCCESS : NX_NOT_SUPPORTED;
    });
}

UINT _nxde_ipv6_address_delete(NX_IP* ip_ptr, UINT address_index) {
    if (!is_ip(ip_ptr))
        return NX_PTR_ERROR;
    if (address_index >= NX_MAX_IPV6_ADDRESSES ||
        ip_ptr->nx_ipv6_address[address_index].nxd_ipv6_address_valid == 0)
        return NX_NO_INTERFACE_ADDRESS;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nxd_ipv6_address_delete(ip_ptr, address_index);
}

// Routes are the kernel's.
UINT _nxd_ipv6_default_router_add(NX_IP* /*ip_ptr*/, NXD_ADDRESS* /*router_addr*/, ULONG /*router_lifetime*/,
                                  UINT /*interface_index*/) {
    return has_v6 ? NX_SUCCESS : NX_NOT_SUPPORTED;
}

UINT _nxde_ipv6_default_router_add(NX_IP* ip_ptr, NXD_ADDRESS* router_addr, ULONG router_lifetime,
                                   UINT interface_index) {
    if (!is_ip(ip_ptr) || router_addr == nullptr)
        return NX_PTR_ERROR;
    if (router_addr->nxd_ip_version != NX_IP_VERSION_V6)
        return NX_IP_ADDRESS_ERROR;
    if (interface_index >= NX_MAX_PHYSICAL_INTERFACES)
        return NX_INVALID_INTERFACE;
    return _nxd_ipv6_default_router_add(ip_ptr, router_addr, router_lifetime, interface_index);
}

UINT _nx_utility_string_length_check(CHAR* input_string, UINT* string_length, UINT max_string_length) {
    if (input_string == nullptr)
        return NX_PTR_ERROR;
    const auto length = strnlen(input_string, std::size_t{max_string_length} + 1);
    if (length > max_string_length)
        return NX_SIZE_ERROR;
    store(string_length, static_cast<UINT>(length));
    return NX_SUCCESS;
}

} // extern "C"
