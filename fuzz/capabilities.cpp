// Lines of an EHLO reply.
#include "postrider/capabilities.hpp"

#include "expect.hpp"

#include <cstddef>

using namespace postrider;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    capabilities all;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        capabilities one;
        const keyword k = one.learn(line);
        EXPECT((k == keyword::none) == !one.has(k));
        EXPECT(one.size_limit() == 0 || k == keyword::size);
        EXPECT(all.learn(line) == k);
        std::size_t words = 0;
        while (!next_word(line, words == 0).empty()) {
            EXPECT(++words <= size);
        }
    }
    return 0;
}
