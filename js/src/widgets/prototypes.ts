import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountPrototypes } from "../views/prototypes";
import { widget } from "./host";

export default widget(alone(mountPrototypes, epochSlider, temperatureSlider));
