import pytest

from unroll.errors import UserError
from unroll.inspect import Alignment, Saliency, attention_of_run
from unroll.inspect.attention import supports_attention


def test_the_method_suits_the_network(translator, classifier):
    assert supports_attention(translator) and supports_attention(classifier)
    assert isinstance(attention_of_run(translator, "a1 b2 c"), Alignment)
    assert isinstance(attention_of_run(classifier, "a good film"), Saliency)


def test_a_network_without_attention_is_refused(language):
    assert not supports_attention(language)
    with pytest.raises(UserError, match="has no attention; expected a translator"):
        attention_of_run(language, "a rose")
