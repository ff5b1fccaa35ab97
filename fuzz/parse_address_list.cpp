// Address lists of header fields.
#include "expect.hpp"
#include "postrider/message.hpp"
#include "postrider/path.hpp"

#include <cstdint>
#include <string>

using namespace postrider;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    std::string why;
    const result<std::vector<address>> list = parse_address_list(text, &why);
    EXPECT(list || list.error() == errc::bad_address || list.error() == errc::address_too_long);
    if (list) {
        for (const address& a : *list) {
            EXPECT(mailbox::parse(a.addr_spec).has_value());
        }
    }
    return 0;
}
