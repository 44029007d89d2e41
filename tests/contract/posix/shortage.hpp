// Every way in which memory or descriptors can run out during a call, one after the other. POSIX only.
#pragma once

#include "contract/posix/scarce.hpp"
#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

namespace ferrule::test {

/// Whether the code says that memory or descriptors have run out.
inline bool says_shortage(const error_code& ec)
{
    namespace e = boost::system::errc;
    return ec == e::not_enough_memory || ec == e::too_many_files_open || ec == e::too_many_files_open_in_system;
}

/// One way to run out.
class shortage {
public:
    shortage(resource r, std::uint64_t first, std::uint64_t count) noexcept : kind_(r), first_(first), count_(count) {}

    /// Begins to be in force, once; in the thread that ends it.
    void begin() { scarcity_.emplace(kind_, first_, count_); }
    void end() noexcept
    {
        refused_ = refused_ || (scarcity_ && scarcity_->has_refused());
        scarcity_.reset();
    }
    /// Runs `f` while it is in force. The code of what that throws; anything but an `error` or `std::bad_alloc` goes on.
    template <class F>
    error_code during(F f)
    {
        begin();
        try {
            f();
        } catch (const error& e) {
            end();
            return e.code();
        } catch (const std::bad_alloc&) {
            end();
            return detail::no_memory();
        } catch (...) {
            end();
            throw;
        }
        end();
        return {};
    }

    [[nodiscard]] bool has_refused() const noexcept { return refused_; }
    /// Whether a call may end with this: it has succeeded, or says what was refused.
    [[nodiscard]] bool explains(const error_code& ec) const { return !ec || (refused_ && says_shortage(ec)); }
    [[nodiscard]] std::string text() const
    {
        return std::string(kind_ == resource::memory ? "memory" : "descriptors") + ", request " +
               std::to_string(first_) + (count_ == 1 ? "" : " and all that follow");
    }

private:
    resource kind_;
    std::uint64_t first_;
    std::uint64_t count_;
    std::optional<scarcity> scarcity_;
    bool refused_ = false;
};

/// Sees to it that this thread has what ferrule keeps for it.
inline void settle_this_thread()
{
    thread_local bool is_settled = false;
    if (std::exchange(is_settled, true))
        return;
    auto [r, w] = pipe();
    std::thread sends([&to = w, me = thread_id()] {
        until_waiting(me);
        to.send("!");
    });
    (void)r.recv(1);
    sends.join();
}

/// Calls `attempt(shortage)` with every request for one of `kinds` refused in turn, alone and with all that follow, until it returns
/// false, which says that nothing was refused: there are no more, and there are fewer than `most`.
template <class Attempt>
void for_each_shortage(std::initializer_list<resource> kinds, std::uint64_t most, Attempt attempt)
{
    settle_this_thread();
    for (const resource r : kinds) {
        for (const std::uint64_t count : {std::uint64_t{1}, UINT64_MAX}) {
            for (std::uint64_t first = 1;; ++first) {
                shortage s(r, first, count);
                INFO("without " << s.text());
                if (!attempt(s))
                    break;
                REQUIRE(first < most);
            }
        }
    }
}

/// The same for both kinds. No attempt may leave a descriptor behind. The last one, where nothing is refused, tells `attempt` what the
/// test is worth without.
template <class Attempt>
void with_each_shortage(const std::string& what, Attempt attempt)
{
    for_each_shortage({resource::memory, resource::descriptors}, 1000, [&](shortage& s) {
        INFO(what);
        const auto before = open_descriptors();
        attempt(s);
        CHECK(open_descriptors() == before);
        return s.has_refused();
    });
}

} // namespace ferrule::test
