// The settings of nx_hosted.h that belong to no pool.
#include "kernel.hpp"

using namespace postrider::hosted;

namespace {

void set_scale(kernel_state& k, ULONG scale) {
    k.tick_base = ticks_now(k);
    k.time_base = postrider::hosted::clock::now();
    k.scale = scale != 0 ? scale : 1;
    k.changed.notify_all();
}

} // namespace

extern "C" {

VOID nx_hosted_reset(VOID) {
    const guard held(kernel().mutex);
    kernel().set = settings{};
    set_scale(kernel(), 1);
}

VOID nx_hosted_tick_scale(ULONG scale) {
    const guard held(kernel().mutex);
    set_scale(kernel(), scale);
}

VOID nx_hosted_redirect(const NXD_ADDRESS* address, UINT port, UINT to_port) {
    const guard held(kernel().mutex);
    auto& rules = kernel().set.redirects;
    redirect rule;
    rule.any_address = address == nullptr;
    if (address != nullptr)
        rule.address = *address;
    rule.port = port;
    rule.to_port = to_port;
    rules[rules.size()] = rule;
}

VOID nx_hosted_allow_network(UINT allow) {
    const guard held(kernel().mutex);
    kernel().set.network_allowed = allow != 0;
}

ULONG nx_hosted_foreign_releases(VOID) {
    const guard held(kernel().mutex);
    return kernel().set.foreign_releases;
}

VOID nx_hosted_receive_cut(ULONG packet_size, ULONG link_size) {
    const guard held(kernel().mutex);
    kernel().set.cut_packet = packet_size;
    kernel().set.cut_link = link_size;
}

VOID nx_hosted_receive_cut_at(ULONG64 offset) {
    const guard held(kernel().mutex);
    kernel().set.cut_at = offset;
}

VOID nx_hosted_receive_break(UINT how, ULONG64 after) {
    const guard held(kernel().mutex);
    kernel().set.receive_break = {how, after};
}

VOID nx_hosted_send_break(UINT how, ULONG64 after) {
    const guard held(kernel().mutex);
    kernel().set.send_break = {how, after};
}

VOID nx_hosted_send_limit(ULONG octets) {
    const guard held(kernel().mutex);
    kernel().set.send_limit = octets;
}

VOID nx_hosted_fail(const CHAR* service, ULONG nth, ULONG count, UINT status) {
    const guard held(kernel().mutex);
    auto& record = kernel().set.services[service];
    record.order = {};
    if (nth != 0)
        record.order = {record.calls + nth, count != 0 ? record.calls + nth + count - 1 : 0xFFFFFFFFU,
                        status};
}

ULONG nx_hosted_calls(const CHAR* service) {
    const guard held(kernel().mutex);
    const auto found = kernel().set.services.find(service);
    return found != kernel().set.services.end() ? found->second.calls : 0;
}

} // extern "C"
