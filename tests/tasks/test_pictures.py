from dataclasses import is_dataclass
from typing import get_args

from unroll.inspect.task_pictures.results import DRAWN
from unroll.tasks.pictures import TaskPicture


def test_every_kind_of_picture_is_plain_data_that_can_be_drawn():
    kinds = get_args(TaskPicture)
    assert all(map(is_dataclass, kinds)) and set(DRAWN) <= set(kinds)
